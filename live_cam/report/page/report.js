"use strict";

/** Sorts and filters the cards of a section by its controls; chips set several filters at once. */
function arrange(section) {
  const grid = section.querySelector(".grid");
  const cards = [...grid.children];
  const sort = section.querySelector("[data-sort]");
  const filters = [...section.querySelectorAll("[data-filter]")];
  const chips = section.querySelectorAll(".chips button");
  const wanted = ({ dataset }, filter) => dataset[filter.dataset.filter] ?? "";
  const orders = {
    sure: (a, b) => b.dataset.sure - a.dataset.sure,
    unsure: (a, b) => a.dataset.sure - b.dataset.sure,
    name: (a, b) => a.dataset.name.localeCompare(b.dataset.name, undefined, { numeric: true }),
  };
  const update = () => {
    let shown = 0;
    for (const card of cards) {
      card.hidden = filters.some(({ value, dataset }) => value !== "" && card.dataset[dataset.filter] !== value);
      shown += !card.hidden;
    }
    grid.append(...cards.toSorted(orders[sort.value]));
    section.querySelector("[data-count]").textContent = `${shown} shown`;
    for (const chip of chips) {
      const isPressed = filters.every((filter) => filter.value === wanted(chip, filter));
      chip.setAttribute("aria-pressed", isPressed);
    }
  };
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      const isPressed = chip.getAttribute("aria-pressed") === "true";
      for (const filter of filters) filter.value = isPressed ? "" : wanted(chip, filter);
      update();
    });
  }
  section.querySelector("form").addEventListener("change", update);
}

/** Shows the pictures of the page large, one after the other. */
function enlarge(dialog) {
  const [image, caption] = dialog.querySelectorAll("img, [data-caption]");
  let current = null;
  const show = (button) => {
    const { src, alt, className } = button.querySelector("img");
    Object.assign(image, { src, alt, className });
    caption.textContent = alt;
    current = button;
  };
  const step = (by) => {
    const buttons = [...document.querySelectorAll(".card:not([hidden]) .enlarge")];
    show(buttons.at((buttons.indexOf(current) + by) % buttons.length));
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".enlarge");
    if (button) {
      show(button);
      dialog.showModal();
    } else if (event.target === dialog) dialog.close();
  });
  for (const button of dialog.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => step(Number(button.dataset.step)));
  }
  dialog.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) step(by);
  });
  dialog.addEventListener("close", () => current?.focus());
}

document.querySelectorAll("[data-sortable]").forEach(arrange);
enlarge(document.querySelector("dialog"));
