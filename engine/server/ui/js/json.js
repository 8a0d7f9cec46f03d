// A value as a tree that opens as far as one looks, with its size, to be copied or downloaded.

import { download, fill, h } from './dom.js';
import { icon } from './icons.js';
import { bytes } from './format.js';
import { copyButton } from './parts.js';

/** Members that are drawn at a time. */
const SHOWN_MAX = 200;
/** Characters of a text that are shown before it is opened. */
const TEXT_MAX = 2_000;

/** A body `{value, bytes}` or `{preview, bytes}` of an action. */
export function bodyView(name, body, loadFull) {
  if (!body) return null;
  const root = h('section', { class: 'body' });
  const draw = () => {
    const text = () => (body.preview ?? (typeof body.value === 'string' ? body.value : JSON.stringify(body.value, null, 2)));
    const head = h('header', { class: 'body-head' }, h('h3', {}, name), h('span', { class: 'muted' }, bytes(body.bytes)),
      h('span', { class: 'grow' }),
      body.preview === undefined ? copyButton(text, `Copy ${name.toLowerCase()}`) : null,
      h('button', { type: 'button', class: 'icon-button', title: 'Download', 'aria-label': `Download ${name.toLowerCase()}`,
        onclick: async () => download(`${name.toLowerCase()}.json`, JSON.stringify((await loadFull()).value, null, 2)) }, icon('download', 16)));
    const more = body.preview === undefined ? null : h('p', { class: 'muted' }, 'Only the beginning is shown. ',
      h('button', { type: 'button', class: 'link', onclick: async () => { body = await loadFull(); draw(); } }, 'Show everything'));
    fill(root, head, body.preview === undefined ? valueView(body.value) : h('pre', { class: 'code' }, body.preview), more);
  };
  draw();
  return root;
}

/** A value of any kind. */
export function valueView(value, depth = 0) {
  const view = h('div', { class: 'json' });
  if (value !== null && typeof value === 'object') view.append(members(value, depth));
  else view.append(scalar(value));
  return view;
}

function scalar(value) {
  if (typeof value !== 'string') return h('span', { class: `j-${value === null ? 'null' : typeof value}` }, String(value));
  if (value.length <= TEXT_MAX) return h('span', { class: 'j-string' }, value);
  const view = h('span', { class: 'j-string' }, `${value.slice(0, TEXT_MAX)}…`);
  const more = h('button', { type: 'button', class: 'link', onclick: () => { fill(view, value); more.remove(); } },
    `Show all ${bytes(value.length)}`);
  return h('span', {}, view, ' ', more);
}

function members(value, depth) {
  const isList = Array.isArray(value);
  const names = isList ? null : Object.keys(value);
  const count = isList ? value.length : names.length;
  if (!count) return h('span', { class: 'j-null' }, isList ? '[ ]' : '{ }');
  const list = h('ul', { class: 'j-members' });
  let shown = 0;
  const more = h('li', {});
  const grow = () => {
    const end = Math.min(count, shown + SHOWN_MAX);
    for (; shown < end; shown++) {
      const name = isList ? String(shown) : names[shown];
      more.before(member(name, value[name], depth, isList));
    }
    if (shown === count) more.remove();
    else fill(more, h('button', { type: 'button', class: 'link', onclick: grow }, `Show more of ${count}`));
  };
  list.append(more);
  grow();
  return list;
}

function member(name, value, depth, isItem) {
  const key = h('span', { class: isItem ? 'j-index' : 'j-key' }, name);
  if (value === null || typeof value !== 'object') return h('li', { class: 'j-row' }, key, scalar(value));
  const count = Array.isArray(value) ? value.length : Object.keys(value).length;
  const body = h('div', {});
  const node = h('details', {}, h('summary', {}, key, h('span', { class: 'muted' }, Array.isArray(value) ? `[${count}]` : `{${count}}`)), body);
  const draw = () => {
    if (node.open && !body.firstChild) body.append(members(value, depth + 1));
  };
  node.addEventListener('toggle', draw);
  if (depth < 2 && count <= 30) {
    node.open = true;
    draw();
  }
  return h('li', {}, node);
}
