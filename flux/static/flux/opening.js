// Opening a restaurant: the browser's own time zone is chosen beforehand, and only the country's zones are offered.
// Without this the server takes the usual zone of the country, and asks where there are several.
"use strict";

(() => {
  const RETRY_MS = 3000;

  const guess = (form) => {
    const zones = form.querySelector("[data-time-zone]");
    const country = form.querySelector("[name=country]");
    const options = [...zones.options].filter((option) => option.value);
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const own = options.find((option) => option.dataset.names.split(" ").includes(here));

    const offer = () => {
      const name = country.selectedOptions[0].text;
      for (const group of zones.querySelectorAll("optgroup")) group.hidden = group.label !== name;
      return options.filter((option) => option.dataset.country === country.value);
    };
    const choose = () => {
      const offered = offer();
      if (offered.includes(own)) zones.value = own.value;
      else zones.value = offered.length === 1 ? offered[0].value : "";
    };

    if (zones.value) offer(); // what the server sends back stays as it was entered
    else {
      if (own && !form.querySelector("[aria-invalid]")) country.value = own.dataset.country;
      choose();
    }
    country.addEventListener("change", choose);
  };

  for (const form of document.querySelectorAll("[data-opening]")) guess(form);
  for (const form of document.querySelectorAll("[data-retry]")) setTimeout(() => form.requestSubmit(), RETRY_MS);
})();
