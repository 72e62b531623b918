for (const box of document.querySelectorAll(".scrub")) {
  const tiles = JSON.parse(box.dataset.tiles);
  const [screen, range, time] = ["div", "input", "time"].map((name) => box.querySelector(name));
  const show = () => {
    const tile = tiles.findLast((one) => one.start <= range.valueAsNumber) ?? tiles[0];
    screen.style.background = `url("${tile.path}") -${tile.x}px -${tile.y}px`;
    screen.style.width = `${tile.width}px`;
    screen.style.height = `${tile.height}px`;
    range.ariaValueText = time.textContent = tile.clock;
  };
  range.addEventListener("input", show);
  screen.addEventListener("pointermove", (event) => {
    range.value = (event.offsetX / screen.clientWidth) * range.max;
    show();
  });
  show();
}
