// Builds elements. Text is only ever set as text: nothing here takes markup.

const SVG = 'http://www.w3.org/2000/svg';

/** An element: `h('a', {class: 'x', href, onclick}, 'text', child)`. */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  assign(element, props ?? {});
  append(element, children);
  return element;
}

/** An element of a drawing. */
export function svg(tag, props, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  append(element, children);
  return element;
}

function assign(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'style') for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else if (name === 'value' || name === 'checked' || name === 'indeterminate') element[name] = value;
    else if (name === 'href') element.setAttribute('href', safe(value));
    else element.setAttribute(name, value === true ? '' : String(value));
  }
}

/** Links lead to these pages, or elsewhere over HTTP; a text that would run is no link. */
function safe(address) {
  const text = String(address);
  return text.startsWith('#') || text.startsWith('/') || /^(https?|blob):/i.test(text) ? text : '#';
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Puts these children in the place of all others. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** Draws something anew; what had the focus has it again, if it is still there. */
export function keepFocus(root, draw) {
  const known = (it) => `${it.tagName} ${it.closest('[data-path]')?.dataset.path} ${it.getAttribute('aria-label') ?? it.textContent}`;
  const it = document.activeElement;
  const name = it && root.contains(it) ? known(it) : null;
  draw();
  if (name !== null && !root.contains(it)) [...root.querySelectorAll(it.tagName)].find((one) => known(one) === name)?.focus({ preventScroll: true });
}

/** A name that nothing else on the page has. */
let last = 0;
export const unique = (prefix) => `${prefix}-${++last}`;

/** Calls once, when nothing has come for so long. */
export function later(wait, call) {
  let timer = 0;
  const run = (...args) => { clearTimeout(timer); timer = setTimeout(() => call(...args), wait); };
  run.cancel = () => clearTimeout(timer);
  return run;
}

/** Offers a text as a file. */
export function download(name, text, media = 'application/json') {
  const address = URL.createObjectURL(new Blob([text], { type: media }));
  const link = h('a', { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
