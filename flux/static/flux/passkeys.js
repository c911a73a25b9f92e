// Passkeys: ties the forms marked data-passkey to django-allauth's script, shows the ways that need a passkey where the
// browser knows them, and says in the page what failed.
"use strict";

(() => {
  const forms = window.allauth.webauthn.forms;
  for (const form of document.querySelectorAll("[data-passkey]")) {
    const button = form.querySelector("[data-passkey-button]").id;
    const credential = form.querySelector("[name=credential]").id;
    const kind = form.dataset.passkey;
    if (kind === "login") forms.loginForm({ ids: { login: button, credential } });
    else if (kind === "authenticate") forms.authenticateForm({ ids: { authenticate: button, credential, data: "js_data" } });
    else {
      const passwordless = form.querySelector("[name=passwordless]").id;
      forms.addForm({ ids: { add: button, passwordless, credential, data: "js_data" } });
    }
    if (window.PublicKeyCredential) form.hidden = false;
  }
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault(); // else it is written to the console, where nobody looks
    for (const notice of document.querySelectorAll("[data-passkey-failed]")) notice.hidden = false;
  });
})();
