const field = document.querySelector("#filter");
const items = [...document.querySelectorAll("[data-text]")];
const sections = [...document.querySelectorAll(".card")];
const told = document.querySelector("#shown");
const show = () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const item of items) {
    const text = item.dataset.text.toLowerCase();
    item.hidden = !words.every((word) => text.includes(word));
  }
  for (const section of sections) {
    section.hidden = words.length > 0 && !section.querySelector("[data-text]:not([hidden])");
  }
  const shown = items.filter((item) => !item.hidden).length;
  told.textContent = words.length ? `${shown} of ${items.length} entries` : "";
};
field.addEventListener("input", show);
