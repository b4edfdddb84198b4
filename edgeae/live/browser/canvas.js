// Paints pictures, rows and the drawing pad.

/** Paints an image of real values, pixel by pixel; the style scales it up. */
function paintPicture(canvas, values, { height, width, channels, low, high }) {
  if (canvas.width !== width || canvas.height !== height) {
    [canvas.width, canvas.height] = [width, height];
  }
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let at = 0; at < height * width; at++) {
    for (let colour = 0; colour < 3; colour++) {
      const value = values[at * channels + (channels === 1 ? 0 : colour)];
      image.data[4 * at + colour] = Math.round((255 * (value - low)) / (high - low));
    }
    image.data[4 * at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** Paints where a reconstruction is too bright (orange) or too dark (blue). */
function paintError(canvas, given, answer, { height, width, channels, low, high }) {
  const shares = new Float64Array(height * width);
  for (let at = 0; at < shares.length * channels; at++) {
    shares[Math.floor(at / channels)] += (answer[at] - given[at]) / (high - low) / channels;
  }
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  shares.forEach((share, at) => {
    const tint = share > 0 ? [255, 150, 60] : [70, 160, 255];
    const strength = Math.min(1.4 * Math.abs(share), 1);
    tint.forEach((value, colour) => (image.data[4 * at + colour] = strength * value));
    image.data[4 * at + 3] = 255;
  });
  context.putImageData(image, 0, 0);
}

/** Returns a context whose unit is a pixel of the style, and the canvas's size in it. */
function sharp(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return { context, width, height };
}

/** Paints a row's values as a line, and its reconstruction over it; of a signal, one channel. */
function paintLines(canvas, lines, { channels, low, high }) {
  const { context, width, height } = sharp(canvas);
  const margin = Math.min(10, height / 8);
  lines.forEach(([values, colour]) => {
    const count = values.length / channels;
    context.beginPath();
    for (let at = 0; at < count; at++) {
      const share = (values[at * channels] - low) / (high - low || 1);
      const x = margin + ((width - 2 * margin) * at) / Math.max(count - 1, 1);
      context.lineTo(x, height - margin - (height - 2 * margin) * Math.min(Math.max(share, 0), 1));
    }
    Object.assign(context, { strokeStyle: colour, lineWidth: 1.6, lineJoin: "round" });
    context.stroke();
  });
}

/** Paints the pad: a faint grid, an example if one lies under the strokes, strokes and cursor. */
function paintPad(canvas, { strokes, base, cursor }, model) {
  const { context, width, height } = sharp(canvas);
  const step = width / model.width;
  paintGrid(context, width, height, step * 4);
  if (base) paintBase(context, base, model, width, height);
  Object.assign(context, { strokeStyle: "#f4f6f8", fillStyle: "#f4f6f8" });
  Object.assign(context, { lineCap: "round", lineJoin: "round" });
  context.lineWidth = 2 * INK_RADIUS * Math.min(width, height);
  for (const stroke of strokes) {
    context.beginPath();
    stroke.forEach(([x, y]) => context.lineTo(x * width, y * height));
    if (stroke.length === 1) context.lineTo(stroke[0][0] * width, stroke[0][1] * height);
    context.stroke();
  }
  if (cursor) {
    Object.assign(context, { strokeStyle: "#ffb060", lineWidth: 2 });
    context.strokeRect(cursor[0] * step, cursor[1] * step, step, step);
  }
}

function paintGrid(context, width, height, step) {
  Object.assign(context, { strokeStyle: "rgba(255, 255, 255, 0.055)", lineWidth: 1 });
  context.beginPath();
  for (let x = step; x < width - 1; x += step) {
    context.moveTo(Math.round(x) + 0.5, 0);
    context.lineTo(Math.round(x) + 0.5, height);
  }
  for (let y = step; y < height - 1; y += step) {
    context.moveTo(0, Math.round(y) + 0.5);
    context.lineTo(width, Math.round(y) + 0.5);
  }
  context.stroke();
}

function paintBase(context, base, model, width, height) {
  const small = document.createElement("canvas");
  const values = Float64Array.from(base);
  paintPicture(small, values, { ...model, low: 0, high: 255 });
  context.imageSmoothingEnabled = false;
  context.globalCompositeOperation = "lighter"; // the grid stays visible
  context.drawImage(small, 0, 0, width, height);
  context.globalCompositeOperation = "source-over";
}
