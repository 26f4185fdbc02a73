// The panel beside the editor follows what one types: the server judges, 300 ms after the last key. No third party.
const form = document.querySelector("form[data-edit]");
const panel = document.querySelector("#panel");
let timer = 0;
let asked = 0;

async function judge() {
  const mine = ++asked;
  panel.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch("/console/policy/try", {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams(new FormData(form)),
    });
    if (mine !== asked || !answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    panel.replaceChildren(...page.body.childNodes);
  } finally {
    if (mine === asked) panel.removeAttribute("aria-busy");
  }
}

if (form && panel) {
  form.addEventListener("input", (event) => {
    if (!event.target.matches("textarea")) return;
    clearTimeout(timer);
    timer = setTimeout(judge, 300);
  });
}
