// The page: what is drawn or chosen goes through every recipe's encoder and decoder.

const $ = (id) => document.getElementById(`live-${id}`);

/** Returns a number with three digits, as people read it. */
function digits(value) {
  if (value === 0) return "0";
  const text = value.toPrecision(3);
  return text.includes("e") ? value.toExponential(1).replace("e", " × 10^").replace("+", "") : text;
}

function duration(us) {
  if (us === undefined) return "…";
  return us < 1000 ? `${us.toPrecision(us < 10 ? 2 : 3)} µs` : `${(us / 1000).toPrecision(3)} ms`;
}

function bytes(count) {
  return count < 1e6 ? `${(count / 1e3).toPrecision(3)} kB` : `${(count / 1e6).toPrecision(3)} MB`;
}

function base64(text, Kind) {
  const letters = atob(text);
  const raw = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  return new Kind(raw.buffer);
}

class Page {
  constructor(models) {
    this.models = models;
    this.drawing = { strokes: [], base: null, cursor: null };
    this.pending = false;
    makePad($("pad"), this.drawing, {
      size: () => [this.model.width, this.model.height],
      begin: () => this.begin(),
      drawn: (ended, done) => this.drawn(ended, done),
      moved: () => this.refresh(),
      say: (text) => this.say(text),
      undo: () => this.undo(),
      clear: () => this.clear(),
    });
    $("clear").onclick = () => this.clear();
    $("undo").onclick = () => this.undo();
    $("centre").onchange = () => this.drawn(true);
    $("reset").onclick = () => this.unshift();
    document.querySelectorAll("input[name=live-model]").forEach((choice) => {
      choice.onchange = () => this.open(Number(choice.value));
    });
    new ResizeObserver(() => this.refresh()).observe($("pad"));
    new ResizeObserver(() => fitRows($("bars"))).observe($("bars"));
  }

  /** Shows a model: opens its modules, one after the other, and computes what is drawn. */
  async open(number) {
    const model = unpackedModel(this.models[number]);
    const stays = this.drawing.strokes.length && this.model && areAlike(model, this.model);
    this.model = model;
    this.recipes = model.recipes.map((facts) => ({ facts }));
    this.shift = null;
    $("root").classList.toggle("rows", !model.picture);
    $("size").textContent = model.picture ? `${model.width} × ${model.height}` : `${model.size} values`;
    $("pad").inert = !model.picture;
    $("root").style.setProperty("--ratio", model.picture ? model.width / model.height : 1);
    this.makeRecipes();
    this.makeSamples();
    this.choose(0);
    if (stays) this.drawn(true);
    else this.sample(0);
    for (const recipe of this.recipes) {
      const text = document.getElementById(`module-${recipe.facts.module}`).textContent;
      recipe.parts = await opened(recipe.facts, text);
      if (this.model !== model) return; // another was chosen meanwhile
      this.refresh();
    }
    await this.settle();
    await this.time(this.recipes);
  }

  makeRecipes() {
    const cards = this.recipes.map((recipe, number) => {
      const card = $("recipe").content.cloneNode(true).firstElementChild;
      const [choice] = card.getElementsByTagName("input");
      choice.onchange = () => this.choose(number);
      choice.checked = number === 0;
      card.querySelector("b").textContent = recipe.facts.name;
      card.querySelector(".size").textContent = bytes(recipe.facts.bytes);
      recipe.card = card;
      return card;
    });
    $("cards").replaceChildren(...cards);
  }

  makeSamples() {
    const buttons = this.model.samples.map((sample, number) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-label", this.model.names[number]);
      const canvas = document.createElement("canvas");
      button.append(canvas);
      button.onclick = () => this.sample(number);
      if (this.model.picture) {
        paintPicture(canvas, sample, { ...this.model, low: 0, high: 255 });
      } else button.textContent = number + 1;
      return button;
    });
    $("samples").replaceChildren(...buttons);
  }

  /** Chooses the recipe whose code and reconstruction are shown large. */
  choose(number) {
    this.chosen = this.recipes[number];
    const code = codeSpec(this.chosen.facts);
    this.code = code && { spec: code, range: codeRange(code, this.chosen.facts.code) };
    $("code").hidden = !code;
    const { decoder, autoencoder } = this.chosen.facts.parts; // an imported encoder has neither
    $("back").hidden = !(decoder ?? autoencoder);
    const known = $("bars").children.length;
    if (code && known !== code.size) {
      makeBars($("bars"), code.size, (index, position) => this.slide(index, position));
    }
    $("code-size").textContent = code ? `${code.size} values` : "";
    $("recipe-name").textContent = this.chosen.facts.name;
    this.refresh();
  }

  sample(number) {
    this.row = number;
    this.drawing.strokes.length = 0;
    this.drawing.base = this.model.picture ? this.model.samples[number] : null;
    [...$("samples").children].forEach((button, at) => {
      button.setAttribute("aria-pressed", at === number);
    });
    this.drawn(true);
  }

  /** A stroke begins: it takes the place of an example. */
  begin() {
    this.drawing.base = null;
    this.forget();
  }

  /**
   * A stroke changed; `ended` if it is finished, so that the result may be read out, after what
   * was `done`.
   */
  drawn(ended, done = "") {
    this.shift = null;
    this.refresh();
    this.say(done);
    if (ended) this.settle().then(() => this.report(done));
  }

  undo() {
    this.drawing.strokes.pop();
    this.drawn(true, "the last stroke is undone");
  }

  clear() {
    this.drawing.strokes.length = 0;
    this.begin();
    this.drawn(true, "cleared");
  }

  forget() {
    for (const button of $("samples").children) button.setAttribute("aria-pressed", "false");
  }

  /** Moves one value of the code: in every recipe by the same real amount. */
  slide(index, position) {
    const { encoded } = this.chosen;
    if (!encoded) return; // its module is not open yet
    const { spec } = this.code;
    this.shift ??= new Float64Array(spec.size);
    this.shift[index] = (position - encoded[index]) * (spec.scale ?? 1);
    this.refresh();
  }

  unshift() {
    this.shift = null;
    this.refresh();
    this.say("the code is the encoder’s again");
  }

  /** Computes and paints before the next frame, however often it is called until then. */
  refresh() {
    if (this.pending || !this.model) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.compute();
      this.paint();
    });
  }

  /** Resolves when everything that was asked for is painted. */
  settle() {
    return new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  }

  compute() {
    this.given = this.model.picture ? this.grey() : null;
    for (const recipe of this.recipes) if (recipe.parts) this.run(recipe);
  }

  /** Returns the grey levels of the image: the example's, or those of the strokes. */
  grey() {
    const { height, width, size, channels, inverted } = this.model;
    const { strokes, base } = this.drawing;
    if (base) return base;
    const ink = inkLevels(strokes, height, width, $("centre").checked);
    const level = (at) => ink[Math.floor(at / channels)];
    return new Uint8Array(size).map((_, at) => (inverted ? 255 - level(at) : level(at)));
  }

  run(recipe) {
    const { parts, facts } = recipe;
    recipe.input = this.input(recipe);
    recipe.encoded = parts.encoder ? ran(parts.encoder, recipe.input) : null;
    const code = parts.decoder && this.shifted(recipe);
    recipe.code = code ?? recipe.encoded;
    const last = parts.decoder ?? parts.autoencoder;
    recipe.output = last ? ran(last, code ?? recipe.input) : null;
    const { decoder, autoencoder } = facts.parts;
    recipe.answer = recipe.output && reals(recipe.output, (decoder ?? autoencoder).output);
    recipe.loss = recipe.answer && meanSquare(this.real(), recipe.answer);
  }

  input({ facts }) {
    if (!this.model.picture) return facts.rows[this.row];
    const Kind = ARRAYS[facts.input.type];
    return Kind.from(this.given, (level) => (facts.levels ?? this.model.levels)[level]);
  }

  /** Returns the input as real values: of an image from its grey levels, of a row as it is. */
  real() {
    if (!this.model.picture) return this.model.samples[this.row];
    return Float64Array.from(this.given, (level) => this.model.levels[level]);
  }

  /** Returns the encoder's code, moved as the sliders say, on the recipe's own grid. */
  shifted({ facts, encoded }) {
    const { scale, type } = facts.parts.decoder.input;
    if (!this.shift) return encoded;
    const most = { int8: 127, uint8: 255, int16: 32767 }[type];
    const least = { int8: -128, uint8: 0, int16: -32768 }[type];
    return encoded.map((value, at) => {
      if (scale === null) return value + this.shift[at];
      return Math.min(Math.max(value + Math.round(this.shift[at] / scale), least), most);
    });
  }

  paint() {
    if (this.model.picture) paintPad($("ink"), this.drawing, this.model);
    $("pad").classList.toggle("drawn", this.drawing.strokes.length > 0);
    const shown = this.chosen;
    if (shown.input) this.paintInput();
    if (shown.answer) this.paintAnswer($("answer"), shown);
    if (shown.answer && this.model.picture) {
      paintError($("error"), this.real(), shown.answer, this.model);
    }
    if (shown.code && this.code) {
      const edited = Array.from(shown.code, (value, at) => value !== shown.encoded[at]);
      showBars($("bars"), shown.code, this.code.range, edited);
    }
    $("reset").disabled = !this.shift;
    this.recipes.forEach((recipe) => this.paintCard(recipe));
    this.paintFigures();
  }

  paintInput() {
    const [canvas, values] = [this.model.picture ? $("input") : $("ink"), this.real()];
    if (this.model.picture) paintPicture(canvas, values, this.model);
    else paintLines(canvas, [[values, "#8fb8d8"]], this.model);
  }

  paintAnswer(canvas, { answer }) {
    if (this.model.picture) paintPicture(canvas, answer, this.model);
    else paintLines(canvas, [[this.real(), "#56616b"], [answer, "#ffb060"]], this.model);
  }

  paintCard(recipe) {
    const canvas = recipe.card.querySelector("canvas");
    if (recipe.answer) this.paintAnswer(canvas, recipe);
    const loss = recipe.loss === null || recipe.loss === undefined ? "" : digits(recipe.loss);
    recipe.card.querySelector(".loss").textContent = loss;
    recipe.card.querySelector(".time").textContent = duration(total(recipe));
  }

  paintFigures() {
    const { loss, times, facts } = this.chosen;
    $("loss").textContent = loss === null || loss === undefined ? "–" : digits(loss);
    $("time").textContent = duration(total(this.chosen));
    $("bytes").textContent = bytes(facts.bytes);
    const part = (name, arrow) => (times?.[name] ? `${arrow} ${duration(times[name])}` : "");
    $("encoder-time").textContent = part("encoder", "encoder");
    $("decoder-time").textContent = part("decoder", "decoder") || part("autoencoder", "autoencoder");
  }

  /** Times recipes, one part after the other, and lets the page answer in between. */
  async time(recipes) {
    for (const recipe of recipes) {
      const times = {};
      for (const [name, part] of Object.entries(recipe.parts ?? {})) {
        times[name] = microseconds(part);
        await this.settle();
      }
      recipe.times = times;
      this.refresh();
    }
  }

  /** Reads the result out, in one message with what was `done`: a second would replace the first. */
  report(done) {
    const { loss, facts } = this.chosen;
    if (loss === null || loss === undefined) return;
    const result = `reconstruction by ${facts.name}: loss ${digits(loss)}`;
    this.say(done ? `${done}; ${result}` : result);
  }

  say(text) {
    $("status").textContent = text;
  }

  /** Returns what the page shows, as the modules computed it; see the guide. */
  answers() {
    const plain = (values) => (values ? Array.from(values) : null);
    return {
      model: this.model.name,
      recipe: this.chosen.facts.name,
      recipes: Object.fromEntries(
        this.recipes.filter(({ parts }) => parts).map((recipe) => [
          recipe.facts.name,
          {
            input: plain(recipe.input),
            code: plain(recipe.code),
            output: plain(recipe.output),
            loss: recipe.loss,
            microseconds: recipe.times ?? null,
          },
        ]),
      ),
    };
  }
}

/** Returns whether a drawing for one model is one for another. */
function areAlike(one, other) {
  const [a, b] = [one, other].map(({ picture, height, width }) => picture && [height, width]);
  return a && b && String(a) === String(b);
}

function total({ times }) {
  return times && Object.values(times).reduce((sum, us) => sum + us, 0);
}

function meanSquare(given, answer) {
  let sum = 0;
  for (let at = 0; at < given.length; at++) sum += (given[at] - answer[at]) ** 2;
  return sum / given.length;
}

/** Returns how the code is stored: as the decoder takes it, or as the encoder gives it. */
function codeSpec({ parts }) {
  return parts.decoder?.input ?? parts.encoder?.output;
}

/** Returns the sliders' range in the code's own unit: integers, or real values of a float code. */
function codeRange({ scale, zero, type }, { min, max }) {
  const [low, high] = [Math.min(min, 0), Math.max(max, 0)];
  if (scale === null) {
    return { min: low, max: high, step: (high - low) / 256 || 1, zero: 0, real: (value) => value };
  }
  const [least, most] = type === "uint8" ? [0, 255] : type === "int8" ? [-128, 127] : [-32768, 32767];
  return {
    min: Math.max(Math.floor(low / scale) + zero, least),
    max: Math.min(Math.ceil(high / scale) + zero, most),
    step: 1,
    zero,
    real: (value) => scale * (value - zero),
  };
}

/** Returns a model with its arrays decoded; `low` and `high` are what black and white show. */
function unpackedModel(packed) {
  const Kind = packed.picture ? Uint8Array : Float32Array;
  const all = base64(packed.samples, Kind);
  const count = all.length / packed.size;
  const samples = Array.from({ length: count }, (_, at) =>
    all.slice(at * packed.size, (at + 1) * packed.size),
  );
  const recipes = packed.recipes.map((facts) => {
    if (!facts.rows) return facts;
    const rows = base64(facts.rows, ARRAYS[facts.input.type]);
    const cut = (at) => rows.slice(at * packed.size, (at + 1) * packed.size);
    return { ...facts, rows: samples.map((_, at) => cut(at)) };
  });
  return { ...packed, samples, recipes };
}

// after the first paint: reading and compiling the modules takes longer than painting
requestAnimationFrame(() =>
  setTimeout(() => {
    if (!$("models")) return; // the page says why there is nothing to compute
    const page = new Page(JSON.parse($("models").textContent));
    window.edgeaeLive = { answers: () => page.answers(), ready: page.open(0) };
  }),
);
