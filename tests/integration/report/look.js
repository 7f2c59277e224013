// What a person would see, as facts: returned to the test as one object. Runs inside the page.
() => {
  const parse = (text) => {
    const found = text.match(/[\d.]+/g).map(Number);
    return { rgb: found.slice(0, 3), alpha: found.length > 3 ? found[3] : 1 };
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.alpha > 0) return colour.rgb;
    }
    return [255, 255, 255];
  };
  const shown = (element) => element.getClientRects().length > 0;
  const texts = [];
  const outside = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.textContent.trim();
    if (!words || !shown(element) || element.closest("title, desc, style")) continue;
    const style = getComputedStyle(element);
    const drawn = element.closest("svg");
    const colour = parse(drawn ? style.fill : style.color);
    const scale = drawn ? drawn.getBoundingClientRect().width / drawn.viewBox.baseVal.width : 1;
    texts.push({ words, ratio: ratio(colour.rgb, ground(element)), pixels: parseFloat(style.fontSize) * scale });
    if (!element.closest(".scroll, pre")) {
      const box = element.getBoundingClientRect();
      if (box.left < -0.5 || box.right > document.documentElement.clientWidth + 0.5) outside.push(words);
    }
  }
  const marks = [...document.querySelectorAll("figure svg .mark-symbol path")].filter(shown).map((path) => {
    const style = getComputedStyle(path);
    const colour = style.fill === "none" ? style.stroke : style.fill;
    return colour === "none" ? 21 : ratio(parse(colour).rgb, ground(path.closest("figure")));
  });
  const figures = [...document.querySelectorAll("figure")].map((figure) => {
    const drawings = [...figure.querySelectorAll("svg")].filter(shown);
    const drawing = drawings[0];
    const named = drawing ? drawing.getAttribute("aria-labelledby").split(" ") : [];
    return {
      name: figure.id,
      drawings: drawings.length,
      height: drawing ? drawing.getBoundingClientRect().height : 0,
      role: drawing ? drawing.getAttribute("role") : null,
      alternative: named.map((name) => document.getElementById(name).textContent),
      marks: drawing ? drawing.querySelectorAll(".mark-symbol path").length : 0,
      files: [...figure.querySelectorAll("a[download]")].map((link) => link.download.split(".").pop()),
    };
  });
  return {
    texts, outside, marks, figures,
    page: getComputedStyle(document.body).backgroundColor,
    width: document.documentElement.scrollWidth,
    unlabelled: [...document.querySelectorAll("table")].filter((table) => !table.getAttribute("aria-labelledby")).length,
    dangling: [...document.querySelectorAll("nav a")].filter((a) => !document.querySelector(a.getAttribute("href"))).length,
  };
}
