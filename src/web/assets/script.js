// What pages can do more with a script; all of them work without.
(() => {
  "use strict";
  document.documentElement.classList.add("js");

  // A button that copies what another element shows.
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      const text = "value" in source ? source.value : source.textContent;
      let done = true;
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        done = byHand(source);
      }
      if (!done) return;
      const label = button.querySelector("[data-label]");
      const before = label.textContent;
      label.textContent = button.dataset.done;
      button.classList.add("is-done");
      const live = document.getElementById("live");
      if (live) live.textContent = button.dataset.done;
      setTimeout(() => {
        label.textContent = before;
        button.classList.remove("is-done");
        if (live) live.textContent = "";
      }, 2000);
    });
  }

  // Where the clipboard is closed (plain http to another machine): select, and copy what is selected.
  function byHand(source) {
    const range = document.createRange();
    const selection = window.getSelection();
    if ("select" in source) {
      source.select();
    } else {
      range.selectNodeContents(source);
      selection.removeAllRanges();
      selection.addRange(range);
    }
    return document.execCommand("copy");
  }

  // A button that shows a password.
  for (const button of document.querySelectorAll("button[data-reveal]")) {
    button.hidden = false;
    const input = document.getElementById(button.dataset.reveal);
    button.addEventListener("click", () => {
      const shown = input.type === "password";
      input.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
    });
    input.form.addEventListener("submit", () => { input.type = "password"; });
  }

  // On a narrow screen the navigation is a strip: show where we are.
  const here = document.querySelector(".nav [aria-current]");
  const strip = here && here.closest(".nav");
  if (strip && strip.scrollWidth > strip.clientWidth) {
    strip.scrollLeft = here.offsetLeft - strip.offsetLeft - (strip.clientWidth - here.offsetWidth) / 2;
  }

  // A form is sent once.
  for (const form of document.querySelectorAll("form[method=post]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
    });
  }
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
})();
