const PREVIEW = { width: 480, height: 352 }; // pixels, at most
const AT_ONCE = 4; // storyboards that are loaded before anybody scrolls

const latest = (items, seconds) => items.findLast((one) => one.start <= seconds) ?? items[0];

function storyboard(box) {
  const tiles = JSON.parse(box.dataset.tiles);
  const frames = JSON.parse(box.dataset.frames);
  const [screen, picture, range, time] = ["div", "img", "input", "time"].map((name) => box.querySelector(name));
  const show = () => {
    const tile = latest(tiles, range.valueAsNumber);
    const room = Math.min(PREVIEW.width, box.parentElement.clientWidth || PREVIEW.width);
    screen.style.background = `url("${tile.path}") -${tile.x}px -${tile.y}px`;
    screen.style.width = `${tile.width}px`;
    screen.style.height = `${tile.height}px`;
    screen.style.zoom = Math.max(1, Math.min(room / tile.width, PREVIEW.height / tile.height));
    range.ariaValueText = time.textContent = tile.clock;
    if (!frames.length) return;
    const wanted = latest(frames, range.valueAsNumber).path;
    if (picture.getAttribute("src") !== wanted) {
      picture.hidden = true; // until it is there, the small picture below shows
      picture.src = wanted;
    }
  };
  picture.addEventListener("load", () => (picture.hidden = false));
  range.addEventListener("input", show);
  screen.addEventListener("pointermove", (event) => {
    const across = event.clientX - screen.getBoundingClientRect().left;
    const share = Math.min(1, Math.max(0, across / screen.getBoundingClientRect().width));
    range.value = Number(range.min) + share * (range.max - range.min);
    show();
  });
  return show;
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((one) => one.isIntersecting)) {
    seen.unobserve(entry.target);
    entry.target.show();
  }
});
[...document.querySelectorAll(".scrub")].forEach((box, number) => {
  box.show = storyboard(box);
  if (number < AT_ONCE) box.show();
  else seen.observe(box);
});

const search = document.querySelector("#search");
const failed = document.querySelector("#failed");
const told = document.querySelector("#shown");
const cards = [...document.querySelectorAll(".card")];
const filter = () => {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const card of cards) {
    const text = card.dataset.text.toLowerCase();
    card.hidden = (failed.checked && !card.classList.contains("failed")) || !words.every((word) => text.includes(word));
    shown += !card.hidden;
  }
  told.textContent = shown === cards.length ? "" : `${shown} of ${cards.length} videos`;
};
search.addEventListener("input", filter);
failed.addEventListener("change", filter);
