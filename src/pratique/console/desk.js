/* Three keys to an outcome: Enter opens the next case, a digit chooses, Enter records. Without scripts: tab and space. */
const choices = [...document.querySelectorAll('input[name="result"]')];

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  if (event.target.tagName === "INPUT" && event.target.name !== "result") return;
  const choice = choices[Number(event.key) - 1];
  if (choice) {
    choice.checked = true;
    choice.focus();
    event.preventDefault();
  }
});

(document.querySelector("[data-first]") ?? choices[0])?.focus();
