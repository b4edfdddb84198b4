// The code as bars: each is a native slider, and a finger or a mouse can wipe over all of them.

/** Pixels that a bar is wide at least; a code that needs more room takes more rows. */
const BAR_PX = 12;

/**
 * Fills a group with the sliders of a code.
 * @param {HTMLElement} group - the element to fill.
 * @param {number} size - values of the code.
 * @param {Object} change - what is called when a slider moves: (index, position), position in the
 *   slider's own unit.
 */
function makeBars(group, size, change) {
  const bars = Array.from({ length: size }, (_, index) => {
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", className: "slider" });
    slider.setAttribute("aria-label", `Value ${index + 1} of ${size} of the code`);
    slider.setAttribute("aria-orientation", "vertical");
    slider.addEventListener("input", () => change(index, Number(slider.value)));
    const bar = document.createElement("div");
    bar.className = "bar";
    bar.append(slider);
    return bar;
  });
  group.replaceChildren(...bars);
  wipe(group, change);
  fitRows(group);
}

/** Spreads the bars over rows, so that each is wide enough. */
function fitRows(group) {
  const size = group.children.length;
  const rows = Math.max(Math.ceil((size * BAR_PX) / Math.max(group.clientWidth, 1)), 1);
  const columns = Math.ceil(size / rows);
  group.style.setProperty("--columns", columns);
  group.style.setProperty("--rows", Math.ceil(size / columns));
}

/** Lets a pointer set every bar that it passes. */
function wipe(group, change) {
  const set = (event) => {
    const index = nearest([...group.children], event);
    const slider = group.children[index].firstChild;
    const box = slider.getBoundingClientRect();
    const share = Math.min(Math.max((box.bottom - event.clientY) / box.height, 0), 1);
    slider.value = Number(slider.min) + share * (slider.max - slider.min);
    change(index, Number(slider.value));
    return slider;
  };
  group.onpointerdown = (event) => {
    if (event.button !== 0) return;
    group.setPointerCapture(event.pointerId);
    set(event).focus({ preventScroll: true });
  };
  group.onmousedown = (event) => event.preventDefault(); // which would take the focus away
  group.onpointermove = (event) => {
    if (!group.hasPointerCapture(event.pointerId)) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    (passed.length ? passed : [event]).forEach(set);
  };
}

/** Returns the index of the bar next to a pointer, which may be above or below all of them. */
function nearest(bars, { clientX, clientY }) {
  const away = (value, from, to) => Math.max(from - value, value - to, 0);
  const distances = bars.map((bar) => {
    const box = bar.getBoundingClientRect();
    return Math.hypot(away(clientX, box.left, box.right), away(clientY, box.top, box.bottom));
  });
  return distances.indexOf(Math.min(...distances));
}

/**
 * Shows a code.
 * @param {HTMLElement} group - the element that `makeBars` filled.
 * @param {number[]} values - the code, in the sliders' unit.
 * @param {Object} range - `min`, `max`, `step` and `zero` in that unit; `real` turns it into the
 *   value that is read out.
 * @param {boolean[]} edited - which values differ from the encoder's.
 */
function showBars(group, values, { min, max, step, zero, real }, edited) {
  const share = (value) => Math.min(Math.max((value - min) / (max - min || 1), 0), 1);
  [...group.children].forEach((bar, index) => {
    const slider = bar.firstChild;
    Object.assign(slider, { min, max, step });
    slider.value = values[index];
    slider.setAttribute("aria-valuetext", digits(real(values[index])));
    const [from, to] = [share(zero), share(values[index])];
    bar.style.setProperty("--from", Math.min(from, to));
    bar.style.setProperty("--to", Math.max(from, to));
    bar.classList.toggle("edited", edited[index]);
  });
}
