"use strict";
// Draws the charts. Everything else on the page stands without this script.
(() => {
  const root = document.documentElement;
  const data = JSON.parse(document.getElementById("data").textContent);
  const drawn = new Map();  // the chart's element → its Dygraph
  const failures = [];

  // ---- What numbers look like --------------------------------------------------------------------

  const significant = (value) => String(Number(value.toPrecision(3)));
  function latencyText(us) {
    if (us === null || us === undefined || Number.isNaN(us)) return "–";
    if (us < 1000) return `${significant(us)} µs`;
    if (us < 1e6) return `${significant(us / 1e3)} ms`;
    return timeText(us / 1e6);
  }
  function timeText(s) {
    if (s < 60) return `${Number(s.toFixed(s < 10 ? 3 : 2))} s`;
    const whole = Math.round(s);
    const parts = [[Math.floor(whole / 86400), "d"], [Math.floor(whole / 3600) % 24, "h"],
                   [Math.floor(whole / 60) % 60, "min"], [whole % 60, "s"]];
    return parts.filter(([n]) => n > 0).slice(0, 2).map(([n, unit]) => `${n} ${unit}`).join(" ");
  }
  function rateText(bytes) {
    if (bytes === null || bytes === undefined || Number.isNaN(bytes)) return "–";
    const units = ["B/s", "KiB/s", "MiB/s", "GiB/s"];
    let unit = 0;
    while (bytes >= 1024 && unit < 3) { bytes /= 1024; ++unit; }
    return `${significant(bytes)} ${units[unit]}`;
  }
  function ninesText(x) {
    const percent = 100 * (1 - Math.pow(10, -x));
    return `${Number(percent.toFixed(Math.max(0, Math.ceil(x) - 1)))} %`;
  }

  // ---- Axes --------------------------------------------------------------------------------------

  function logTicks(low, high, pixels) {
    const ticks = [];
    const decades = Math.log10(high / low);
    const fine = decades < 1.6 ? [1, 2, 5] : [1];
    const each = Math.max(1, Math.ceil(22 * decades / pixels));
    for (let decade = Math.floor(Math.log10(low)); decade <= Math.ceil(Math.log10(high)); ++decade)
      for (const step of decade % each === 0 ? fine : []) {
        const v = step * Math.pow(10, decade);
        if (v >= low * 0.999 && v <= high * 1.001) ticks.push({v, label: latencyText(v)});
      }
    return ticks;
  }
  function timeTicks(low, high, pixels) {
    const steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200,
                   1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];
    const most = Math.max(2, pixels / 90);
    const step = steps.find((one) => (high - low) / one <= most) || steps[steps.length - 1];
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9); ++i)
      ticks.push({v: i * step, label: i === 0 ? "0" : timeText(i * step)});
    return ticks;
  }
  function ninesTicks(low, high, pixels) {
    const ticks = [{v: 0, label: "min"}, {v: Math.log10(2), label: "50 %"}];
    for (let nines = 1; nines <= 9; ++nines) ticks.push({v: nines, label: ninesText(nines)});
    return apart(ticks.filter(({v}) => v >= low - 1e-9 && v <= high + 1e-9), (high - low) * 46 / pixels);
  }
  /// Of ticks that would stand in one another's way, the later one.
  function apart(ticks, least) {
    return ticks.filter(({v}, i) => i + 1 === ticks.length || ticks[i + 1].v - v >= least);
  }
  /// In powers of two, as bytes are counted.
  function rateTicks(low, high, pixels) {
    const most = Math.max(1, pixels / 36);
    let step = 1;
    while ((high - low) / step > most) step *= 2;
    const ticks = [];
    for (let i = Math.ceil(low / step); i * step <= high; ++i) ticks.push({v: i * step, label: i === 0 ? "0" : rateText(i * step)});
    return ticks;
  }

  // ---- Colours -----------------------------------------------------------------------------------

  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const hue = (destination) => colour(`--c${destination.hue}`);
  const bandColours = {stall: "--stalled", hang: "--hung", outage: "--hung", local_pause: "--neutral",
                       hiccup: "--stalled", mismatch: "--corrupt", reconnect: "--neutral"};
  function faded(hex, alpha) {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `rgba(${r},${g},${b},${alpha})`;
  }

  /// Shades when the path did not hold still, and says so where there is room.
  function drawBands(context, area, chart, bands, labelled) {
    context.save();
    context.beginPath();
    context.rect(area.x, area.y, area.w, area.h);
    context.clip();
    context.font = `600 11px ${colour("--sans")}`;
    context.textBaseline = "top";
    for (const band of bands) {
      const from = chart.toDomXCoord(band.from);
      const to = Math.max(chart.toDomXCoord(band.to), from + 1.5);
      if (to < area.x || from > area.x + area.w) continue;
      const ink = colour(bandColours[band.kind] || "--neutral");
      if (band.kind === "hiccup") {
        context.fillStyle = faded(ink, 0.8);
        context.fillRect(from, area.y, Math.max(1.5, to - from), 4);
        continue;
      }
      context.fillStyle = faded(ink, band.kind === "local_pause" ? 0.14 : 0.18);
      context.fillRect(from, area.y, to - from, area.h);
      context.fillStyle = ink;
      context.fillRect(from, area.y, 1.5, area.h);
      if (band.open) for (let y = area.y; y < area.y + area.h; y += 7) context.fillRect(to - 1.5, y, 1.5, 4);
    }
    if (labelled) drawLabels(context, area, chart, bands);
    context.restore();
  }

  /// Names the bands, the gravest first, in two lines at the top, and never over one another.
  function drawLabels(context, area, chart, bands) {
    const taken = [[], []];
    const graver = [...bands].filter((band) => band.kind !== "hiccup").sort((a, b) => b.weight - a.weight);
    for (const band of graver) {
      const from = chart.toDomXCoord(band.from);
      if (chart.toDomXCoord(band.to) < area.x || from > area.x + area.w) continue;
      const width = context.measureText(band.text).width;
      const at = Math.min(Math.max(from, area.x) + 6, area.x + area.w - width - 6);
      const line = taken.findIndex((spans) => spans.every(([start, end]) => at > end || at + width < start));
      if (line < 0) continue;
      context.fillStyle = colour(bandColours[band.kind] || "--neutral");
      context.fillText(band.text, at, area.y + 6 + 14 * line);
      taken[line].push([at - 12, at + width + 12]);
    }
  }

  // ---- The chart's parts -------------------------------------------------------------------------

  function legend(figure, keys, atRest) {
    const caption = figure.querySelector("figcaption");
    const show = (values, moment) => {
      for (const old of caption.querySelectorAll(".key")) old.remove();
      keys.forEach((key, i) => {
        const item = document.createElement("span");
        item.className = "key";
        const sample = document.createElement("i");
        sample.className = key.style || "";
        sample.style.setProperty("--stroke", key.stroke);
        item.append(sample, values ? `${key.name} ${key.text(values[i])}` : key.name);
        caption.append(item);
      });
      if (!moment && !atRest) return;
      const item = document.createElement("span");
      item.className = "key";
      item.textContent = moment || atRest;
      caption.append(item);
    };
    show(null, "");
    return show;
  }

  /// Mouse as dygraphs has it: drag to zoom, shift-drag to move, double-click for all. On a touch screen
  /// two fingers zoom, one moves what is zoomed, a double tap shows all, and the page still scrolls.
  function interaction() {
    let start = null;
    let tapped = 0;
    const centre = (touches) => (touches.length > 1 ? (touches[0].clientX + touches[1].clientX) / 2 : touches[0].clientX);
    const spread = (touches) => Math.max(20, Math.abs(touches[0].clientX - touches[1].clientX));
    const begin = (event, chart) => {
      start = {touches: event.touches.length, centre: centre(event.touches),
               spread: event.touches.length > 1 ? spread(event.touches) : 0, range: chart.xAxisRange(), moved: false};
    };
    return {
      mousedown: Dygraph.defaultInteractionModel.mousedown,
      dblclick: Dygraph.defaultInteractionModel.dblclick,
      willDestroyContextMyself: true,
      touchstart: begin,
      touchmove(event, chart) {
        if (!start || event.touches.length !== start.touches) return;
        if (start.touches === 1 && !chart.isZoomed("x")) return;
        const left = chart.canvas_.getBoundingClientRect().left + chart.getArea().x;
        const width = chart.getArea().w;
        const scale = start.touches > 1 ? start.spread / spread(event.touches) : 1;
        const span = (start.range[1] - start.range[0]) * scale;
        const anchor = start.range[0] + (start.range[1] - start.range[0]) * (start.centre - left) / width;
        const at = (centre(event.touches) - left) / width;
        const [first, last] = chart.xAxisExtremes();
        const kept = Math.min(span, last - first);
        const from = Math.min(Math.max(anchor - at * span, first), last - kept);
        start.moved = true;
        if (event.cancelable) event.preventDefault();
        chart.updateOptions({dateWindow: [from, from + kept]});
      },
      touchend(event, chart) {
        if (event.touches.length > 0) { begin(event, chart); return; }
        const now = Date.now();
        const tap = start && !start.moved && start.touches === 1;
        if (tap && now - tapped < 400) { chart.resetZoom(); tapped = 0; } else tapped = tap ? now : 0;
        start = null;
      },
      touchcancel() { start = null; },
    };
  }

  function makeChart(element, rows, keys, options) {
    const show = legend(element.closest("figure"), keys, options.atRest);
    const series = {};
    // Series have names of their own: a label may be any text.
    const names = keys.map((key, i) => `s${i}`);
    keys.forEach((key, i) => { series[names[i]] = key.series || {}; });
    const old = drawn.get(element);
    if (old) old.destroy();
    const chart = new Dygraph(element, rows, Object.assign({
      labels: ["x", ...names],
      colors: keys.map((key) => key.stroke),
      series,
      legend: "never",
      connectSeparatedPoints: true,
      gridLineColor: colour("--grid"),
      gridLineWidth: 1,
      axisLineColor: colour("--line"),
      strokeWidth: 1.5,
      highlightCircleSize: 3,
      rightGap: 10,
      xRangePad: 0,
      animatedZooms: false,
      interactionModel: interaction(),
      highlightCallback: (event, x, points) =>
        show(names.map((name) => (points.find((point) => point.name === name) || {}).yval), options.moment(x)),
      unhighlightCallback: () => show(null, ""),
    }, options.dygraph));
    drawn.set(element, chart);
    return chart;
  }

  const timeAxis = {ticker: timeTicks, drawGrid: false, axisLabelWidth: 80};
  const labelWidth = 66;  // the same in all, so that moments stand below one another
  const latencyAxis = {ticker: logTicks, axisLabelWidth: labelWidth, drawGrid: true, independentTicks: true};

  // ---- One run -----------------------------------------------------------------------------------

  /// Nothing ended in these rows: the line goes on over short holes, and stops where there was a wait.
  function withHoles(run, column) {
    const long = Math.max(3, Math.ceil(0.25 / run.row));
    const values = column.slice();
    for (let i = 0; i < values.length;) {
      if (values[i] !== null) { ++i; continue; }
      let end = i;
      while (end < values.length && values[end] === null) ++end;
      if (end - i >= long) values.fill(NaN, i, end);
      i = end;
    }
    return values;
  }
  /// A last row without values makes the chart as long as the run.
  const table = (run, columns) => [...run.at.map((at, i) => [at, ...columns.map((column) => column[i])]),
                                   [run.end, ...columns.map(() => null)]];

  /// The greatest and the least latency of all runs that are shown: charts that share a scale compare.
  function latencyRange() {
    let low = Infinity;
    let high = 0;
    for (const destination of data.destinations)
      for (const run of destination.runs)
        for (const part of run ? [run, run.readers, run.locks] : [])
          for (const column of part ? [part.p50, part.max, part.gap || []] : [])
            for (const value of column) if (value) { low = Math.min(low, value); high = Math.max(high, value); }
    if (high === 0) return null;
    const room = Math.max(1.25, Math.sqrt(20 / (high / low)));
    return [low / room, high * room];
  }
  const sharedRange = latencyRange();

  function latencyKeys(stroke, withGap) {
    const keys = [
      {name: "median", stroke, text: latencyText, series: {strokeWidth: 2}},
      {name: "p99", stroke: faded(stroke, 0.65), text: latencyText, style: "thin", series: {strokeWidth: 1}},
      {name: "worst", stroke: faded(stroke, 0.5), text: latencyText, style: "dots",
       series: {strokeWidth: 0, drawPoints: true, pointSize: 1.4}},
    ];
    if (withGap) keys.push({name: "without an answer", stroke: colour("--hung"), text: latencyText, style: "dash",
                            series: {strokeWidth: 1.5, strokePattern: [3, 3]}});
    return keys;
  }

  function drawRun(section, destination, run) {
    const stroke = hue(destination);
    const charts = [];
    const add = (kind, columns, keys, dygraph, labelled) => {
      const element = section.querySelector(`[data-chart="${kind}"]`);
      if (!element) return;
      element.closest("figure").hidden = columns === null;
      if (columns === null) return;
      charts.push(makeChart(element, table(run, columns), keys, {
        moment: (x) => `at ${timeText(x)}`,
        dygraph: Object.assign({
          underlayCallback: (context, area, chart) => drawBands(context, area, chart, run.bands, labelled),
        }, dygraph),
      }));
    };
    const logarithmic = {logscale: true, axes: {x: timeAxis, y: latencyAxis}, valueRange: sharedRange};
    const known = (columns) => (columns && columns.some((column) => column.some((value) => value > 0)) ? columns : null);
    const triple = (from) => (from ? [from.p50, from.p99, from.max].map((column) => withHoles(run, column)) : null);
    const latency = triple(run).slice();
    const waits = run.gap.some((gap) => gap !== null);
    if (waits) latency.push(withHoles(run, run.gap));
    add("latency", known(latency), latencyKeys(stroke, waits), logarithmic, true);
    add("throughput", [run.written, run.read], [
      {name: "written", stroke, text: rateText, style: "area", series: {fillGraph: true}},
      {name: "read", stroke: colour("--neutral"), text: rateText, series: {}},
    ], {includeZero: true, fillAlpha: 0.22, strokeWidth: 1.2,
        axes: {x: timeAxis, y: {ticker: rateTicks, axisLabelWidth: labelWidth}}}, false);
    add("readers", triple(run.readers), latencyKeys(stroke, false), logarithmic, false);
    add("locks", triple(run.locks), latencyKeys(stroke, false), logarithmic, false);
    keepTogether(charts);
  }

  /// What is zoomed in one chart of a run is zoomed in the others.
  function keepTogether(charts) {
    let following = false;
    for (const chart of charts)
      chart.updateOptions({drawCallback: (from, initial) => {
        if (following || initial) return;
        following = true;
        const range = from.xAxisRange();
        for (const other of charts) if (other !== from) other.updateOptions({dateWindow: range});
        following = false;
      }}, true);
  }

  // ---- All of them -------------------------------------------------------------------------------

  const patterns = [null, [7, 3], [2, 2], [8, 3, 2, 3], [12, 4], [4, 4], [1, 3], [10, 2, 2, 2, 2, 2]];

  function drawPercentiles(element, kind) {
    const shown = data.destinations.filter((one) => one.percentiles[kind]);
    const at = [...new Set(shown.flatMap((one) => one.percentiles[kind].map(([x]) => x)))].sort((a, b) => a - b);
    const columns = shown.map((one) => new Map(one.percentiles[kind]));
    const rows = at.map((x) => [x, ...columns.map((column) => (column.has(x) ? column.get(x) : null))]);
    const keys = shown.map((one) => ({name: one.label, stroke: hue(one), text: latencyText,
                                      style: patterns[one.place % 8] ? "dash" : "",
                                      series: {strokeWidth: 2, strokePattern: patterns[one.place % 8]}}));
    const values = shown.flatMap((one) => one.percentiles[kind].map(([, value]) => value));
    const range = [Math.min(...values) / 1.3, Math.max(...values) * 1.3];
    makeChart(element, rows, keys, {
      moment: (x) => (x === 0 ? "the fastest" : `${ninesText(x)} took at most this`),
      dygraph: {logscale: true, axes: {x: {ticker: ninesTicks, axisLabelWidth: 70, drawGrid: true}, y: latencyAxis},
                valueRange: range, xRangePad: 6},
    });
  }

  function choose(buttons, chosen) {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button === chosen));
  }

  const redraws = [];
  function wirePercentiles() {
    const element = document.querySelector('[data-chart="percentiles"]');
    if (!element) return;
    const buttons = [...document.querySelectorAll("[data-kind]")];
    let kind = "all";
    redraws.push(() => drawPercentiles(element, kind));
    for (const button of buttons)
      button.addEventListener("click", () => {
        kind = button.dataset.kind;
        choose(buttons, button);
        drawPercentiles(element, kind);
        report();
      });
  }
  function wireDestination(section) {
    const destination = data.destinations[Number(section.dataset.destination)];
    if (destination.runs.length === 0) return;
    const buttons = [...section.querySelectorAll("[data-run]")];
    let run = destination.runs[destination.shown];
    redraws.push(() => drawRun(section, destination, run));
    for (const button of buttons)
      button.addEventListener("click", () => {
        run = destination.runs[Number(button.dataset.run)];
        choose(buttons, button);
        drawRun(section, destination, run);
        report();
      });
  }

  /// Says on the page itself what was drawn, so that a test can see it without looking.
  function report() {
    root.dataset.charts = String(drawn.size);
    root.dataset.failures = failures.join(" | ");
  }
  function drawAll() {
    for (const redraw of redraws) {
      try { redraw(); } catch (error) { failures.push(String(error)); console.error(error); }
    }
    report();
  }

  // ---- Light and dark ----------------------------------------------------------------------------

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  function wireTheme() {
    const button = document.getElementById("theme");
    const name = () => { button.textContent = isDark() ? "Light" : "Dark"; };
    button.hidden = false;
    name();
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      name();
      drawAll();
    });
    dark.addEventListener("change", () => { name(); drawAll(); });
    let before = null;
    addEventListener("beforeprint", () => { before = root.dataset.theme || ""; root.dataset.theme = "light"; drawAll(); });
    addEventListener("afterprint", () => {
      if (before) root.dataset.theme = before; else delete root.dataset.theme;
      drawAll();
    });
  }

  root.classList.add("drawn");
  wireTheme();
  wirePercentiles();
  for (const section of document.querySelectorAll("[data-destination]")) wireDestination(section);
  drawAll();
})();
