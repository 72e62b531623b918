const field = document.querySelector("#filter");
const items = [...document.querySelectorAll("[data-text]")];
const told = document.querySelector("#shown");
const show = () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const item of items) {
    const text = item.dataset.text.toLowerCase();
    item.hidden = !words.every((word) => text.includes(word));
    shown += !item.hidden;
  }
  told.textContent = words.length ? `${shown} of ${items.length} entries` : "";
};
field.addEventListener("input", show);
