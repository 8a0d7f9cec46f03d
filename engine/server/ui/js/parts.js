// Small parts that many pages have: buttons that copy, messages, dialogs, what is empty or wrong.

import { fill, h, unique } from './dom.js';
import { icon } from './icons.js';

/** A button with an icon and words. */
export function button(text, shape, onclick, style = '') {
  return h('button', { type: 'button', class: `button ${style}`, onclick }, shape ? icon(shape, 16) : null, h('span', {}, text));
}

/** Copies what `text()` gives and says so. */
export function copyButton(text, title = 'Copy') {
  const node = h('button', { type: 'button', class: 'icon-button', title, 'aria-label': title }, icon('copy', 16));
  node.addEventListener('click', async () => {
    await copy(text());
    fill(node, icon('check', 16));
    setTimeout(() => fill(node, icon('copy', 16)), 1_500);
  });
  return node;
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h('textarea', { class: 'off', value: text });
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  toast('Copied');
}

/** Says something for a while, aloud too. */
export function toast(text, tone = 'good') {
  const place = document.getElementById('toasts');
  if (!place) return;
  const node = h('div', { class: `toast ${tone}` }, icon(tone === 'bad' ? 'alert' : 'check', 16), h('span', {}, text));
  place.append(node);
  setTimeout(() => node.remove(), tone === 'bad' ? 8_000 : 3_500);
}

/** Tells what went wrong, wherever it came from. */
export function complain(error) {
  if (error?.name !== 'AbortError') toast(error?.message ?? String(error), 'bad');
}

/** Does something that a button asks for; the button waits meanwhile. */
export async function busy(node, work) {
  node.disabled = true;
  node.classList.add('is-busy');
  try {
    return await work();
  } catch (error) {
    complain(error);
    return undefined;
  } finally {
    node.disabled = false;
    node.classList.remove('is-busy');
  }
}

/** A button with more of them below it: `[words, icon, work]`. Escape and a press elsewhere close it. */
export function menu(title, items) {
  const head = h('summary', { class: 'button' }, h('span', {}, title), icon('down', 14));
  const node = h('details', { class: 'menu' }, head, h('div', { class: 'menu-list' }, items.map(([text, shape, work]) =>
    h('button', { type: 'button', class: 'menu-item', onclick: () => { node.open = false; work(); } }, icon(shape, 16), h('span', {}, text)))));
  const away = (event) => { if (!node.contains(event.target)) node.open = false; };
  node.addEventListener('toggle', () => {
    if (node.open) document.addEventListener('pointerdown', away);
    else document.removeEventListener('pointerdown', away);
  });
  node.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !node.open) return;
    node.open = false;
    head.focus();
  });
  return node;
}

export function notice(tone, title, text, ...more) {
  const shape = { bad: 'alert', warn: 'alert', good: 'check' }[tone] ?? 'info';
  return h('div', { class: `notice ${tone}`, role: tone === 'bad' ? 'alert' : 'status' }, icon(shape, 18),
    h('div', { class: 'grow' }, h('strong', {}, title), text ? h('p', {}, text) : null, more));
}

export function empty(shape, title, text, ...more) {
  return h('div', { class: 'empty' }, icon(shape, 40), h('h2', {}, title), h('p', {}, text), more);
}

/** An error in place of what could not be shown. */
export function failed(error, again) {
  return h('div', { class: 'empty' }, icon('alert', 40), h('h2', {}, 'This cannot be shown'), h('p', {}, error.message),
    again ? button('Try again', 'refresh', again) : null);
}

/** Grey lines where something is about to be. */
export const skeleton = (rows = 6) => h('div', { class: 'skeleton', 'aria-busy': 'true', 'aria-label': 'Loading' },
  Array.from({ length: rows }, () => h('span', {})));

/** Tabs that are links. `tabs` are `[id, title, address]`. */
export function tabs(label, all, present) {
  return h('nav', { class: 'tabs', 'aria-label': label }, all.map(([id, title, href]) =>
    h('a', { href, 'aria-current': id === present ? 'page' : null }, title)));
}

/**
 * A dialog over the page: at the right side, or in the middle. `draw(close)` gives its body and its
 * buttons. Escape closes it, and the focus goes back to where it was.
 */
export function dialog({ title, side = false, wide = false }, draw) {
  const id = unique('dialog');
  const node = h('dialog', { class: `${side ? 'pane' : 'modal'} ${wide ? 'wide' : ''}`, 'aria-labelledby': id });
  const body = h('div', { class: 'dialog-body' });
  const foot = h('footer', { class: 'dialog-foot' });
  const close = () => node.close();
  node.append(h('header', { class: 'dialog-head' }, h('h2', { id }, title),
    h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Close', onclick: close }, icon('close', 18))), body, foot);
  node.addEventListener('close', () => node.remove());
  node.addEventListener('click', (event) => { if (event.target === node) close(); });
  document.body.append(node);
  const show = (content, buttons) => { fill(body, content); fill(foot, buttons); };
  draw({ show, close, node });
  node.showModal();
  return node;
}

/** Asks before something is done. */
export function confirm({ title, text, action, tone = 'primary', details }) {
  return new Promise((answer) => {
    let agreed = false;
    const node = dialog({ title }, ({ show, close }) => show(
      h('div', {}, h('p', {}, text), details),
      [button('Cancel', null, close), button(action, null, () => { agreed = true; close(); }, tone)]));
    node.addEventListener('close', () => answer(agreed));
  });
}

/** A field with its label. */
export function field(label, input, { help, error, required } = {}) {
  const id = unique('field');
  input.id = id;
  const about = [help && h('span', { class: 'help', id: `${id}-help` }, help), error && h('span', { class: 'field-error', id: `${id}-error` }, icon('alert', 14), error)];
  if (help || error) input.setAttribute('aria-describedby', [help && `${id}-help`, error && `${id}-error`].filter(Boolean).join(' '));
  if (error) {
    input.setAttribute('aria-invalid', 'true');
    // What is being put right is not called wrong any longer.
    input.addEventListener('input', () => {
      input.removeAttribute('aria-invalid');
      document.getElementById(`${id}-error`)?.remove();
      if (help) input.setAttribute('aria-describedby', `${id}-help`);
      else input.removeAttribute('aria-describedby');
    }, { once: true });
  }
  return h('div', { class: 'field' }, h('label', { for: id }, label, required ? h('span', { class: 'required', title: 'required' }, ' *') : null), input, about);
}

export function select(options, present, onchange) {
  return h('select', { onchange: (event) => onchange(event.target.value) },
    options.map(([value, text]) => h('option', { value, selected: value === present }, text)));
}
