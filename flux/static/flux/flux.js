// The little script of our own: menus that close, questions before what cannot be undone, one send per form,
// a drop area for files, a board that stays under the finger, and the numbers of a chart. Every page works without it.
"use strict";

(() => {
  const closest = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);

  // Menus close on a click elsewhere and on Escape.
  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) if (menu !== except) menu.open = false;
  };
  document.addEventListener("click", (event) => closeMenus(closest(event, "details[data-menu]")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector("details[data-menu][open]");
    if (open) { open.open = false; open.querySelector("summary").focus(); }
  });

  // <form data-confirm="Send to Verdura?" data-confirm-yes="Send">: asks in a dialog first.
  const ask = (question, yes) => new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    const title = Object.assign(document.createElement("h2"), { textContent: question, id: "ask-title" });
    const row = Object.assign(document.createElement("div"), { className: "row" });
    const no = Object.assign(document.createElement("button"), { className: "button", textContent: "Cancel", type: "button" });
    const ok = Object.assign(document.createElement("button"), { className: "button primary", textContent: yes, type: "button" });
    dialog.setAttribute("aria-labelledby", "ask-title");
    row.append(no, ok);
    dialog.append(title, row);
    document.body.append(dialog);
    no.addEventListener("click", () => dialog.close());
    ok.addEventListener("click", () => dialog.close("yes"));
    dialog.addEventListener("close", () => { resolve(dialog.returnValue === "yes"); dialog.remove(); });
    dialog.showModal();
    ok.focus();
  });
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.dataset.confirm && !form.dataset.agreed) {
      event.preventDefault();
      const button = event.submitter;
      if (await ask(form.dataset.confirm, form.dataset.confirmYes || "Yes")) {
        form.dataset.agreed = "yes";
        form.requestSubmit(button);
      }
      return;
    }
    // One send per form: the second tap of an impatient thumb does nothing.
    if (form.method === "post" && !form.matches("[hx-post]")) {
      const button = event.submitter;
      if (form.dataset.sent) { event.preventDefault(); return; }
      form.dataset.sent = "yes";
      if (button) button.setAttribute("aria-busy", "true");
    }
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) { delete form.dataset.sent; delete form.dataset.agreed; }
    for (const button of document.querySelectorAll("[aria-busy=true]")) button.removeAttribute("aria-busy");
  });

  // <select data-submit> sends its form when the choice changes.
  document.addEventListener("change", (event) => { if (closest(event, "[data-submit]")) event.target.form.requestSubmit(); });

  // <button data-copy="id" hidden> copies that field; where the browser does not let us, it selects the text.
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
  document.addEventListener("click", async (event) => {
    const button = closest(event, "[data-copy]");
    if (!button) return;
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = "Copied";
    } catch { field.focus(); }
  });

  // <label class="drop" data-drop> takes a dropped file and shows its name.
  for (const type of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(type, (event) => {
      const area = closest(event, "[data-drop]");
      if (!area) return;
      event.preventDefault();
      area.classList.toggle("over", type === "dragover");
      const input = area.querySelector("input[type=file]");
      if (type === "drop" && event.dataTransfer.files.length) {
        input.files = event.dataTransfer.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
      }
    });
  }

  // A PIN is typed with a thumb: big keys in place of the small one of the form.
  document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector("form[data-keypad]");
    if (!form) return;
    form.querySelector(".keypad").hidden = false;
    form.querySelector("[data-without-keypad]").hidden = true;
    const pin = form.elements.pin;
    if (matchMedia("(pointer: coarse)").matches) { pin.inputMode = "none"; }
    form.addEventListener("click", (event) => {
      const key = closest(event, ".keypad [value]");
      if (!key || key.type !== "button") return;
      pin.value = key.value === "back" ? pin.value.slice(0, -1) : (pin.value + key.value).slice(0, pin.maxLength);
    });
  });

  // A shared tablet: who works on a page stays signed in, and a tablet that nobody touches asks for a name again.
  document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector("form[data-idle-seconds]");
    if (!form) return;
    let touched = Date.now();
    let told = touched;
    for (const type of ["pointerdown", "keydown", "input"]) document.addEventListener(type, () => { touched = Date.now(); }, { passive: true });
    setInterval(async () => {
      if (Date.now() - touched > form.dataset.idleSeconds * 1000) { form.requestSubmit(); return; }
      if (touched <= told) return;
      told = Date.now();
      const token = form.elements.csrfmiddlewaretoken.value;
      const answer = await fetch(form.dataset.stay, { method: "POST", headers: { "X-CSRFToken": token }, redirect: "manual" }).catch(() => null);
      if (answer && answer.status !== 204) location.reload();
    }, 30000);
  });

  // A board that is drawn anew stays where it is under the finger: what was tapped, or else the first tile in sight.
  let held = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const tiles = [...document.querySelectorAll("[data-hold]")];
    const source = event.detail.requestConfig && event.detail.requestConfig.elt;
    const tile = tiles.find((one) => source && source.contains(one) && source.matches("form")) ||
      tiles.find((one) => one.getBoundingClientRect().top >= 0);
    held = tile ? { id: tile.id, top: tile.getBoundingClientRect().top } : null;
  });
  document.addEventListener("htmx:afterSwap", () => {
    const tile = held && document.getElementById(held.id);
    if (tile && window.scrollY > 0) window.scrollBy({ top: tile.getBoundingClientRect().top - held.top, behavior: "instant" });
    held = null;
  });

  // A row of tabs that is wider than the phone shows the one that is open.
  document.addEventListener("DOMContentLoaded", () => {
    for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
      const row = tab.parentElement;
      row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.clientWidth) / 2;
    }
  });

  // A chart's column says its numbers: under the pointer, and on a tap.
  const tip = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
  tip.setAttribute("aria-hidden", "true");
  document.addEventListener("DOMContentLoaded", () => document.body.append(tip));
  const showTip = (event) => {
    const hit = closest(event, ".chart [data-tip]");
    tip.hidden = !hit;
    if (!hit) return;
    tip.textContent = hit.dataset.tip;
    const box = hit.getBoundingClientRect();
    const left = box.left + box.width / 2 - tip.offsetWidth / 2;
    tip.style.left = `${Math.max(8, Math.min(left, window.innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.max(8, box.top - tip.offsetHeight - 6)}px`;
  };
  document.addEventListener("pointerover", showTip);
  document.addEventListener("pointerdown", showTip);
  document.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
})();
