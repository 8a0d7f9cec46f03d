// The frame around all pages: where one is, where one can go, light or dark, who is signed in.

import { fill, h } from './dom.js';
import { icon } from './icons.js';
import { info, whoAmI } from './api.js';
import { failed, skeleton } from './parts.js';
import { here } from './router.js';
import { signIn, userMenu } from './session.js';

const PAGES = {
  flows: ['My flows', 'flows', () => import('./flows.js'), (segments) => (segments.length ? import('./flow.js') : null)],
  runs: ['Run history', 'runs', () => import('./runs.js'), (segments) => (segments.length ? import('./run.js') : null)],
  approvals: ['Approvals', 'check', () => import('./approvals.js')],
  connections: ['Connections', 'plug', () => import('./connections.js')],
  activity: ['Activity', 'audit', () => import('./activity.js')],
};

/** What they are called where there is little room. */
const SHORT = { flows: 'Flows', runs: 'Runs' };

const main = h('main', { id: 'main', tabindex: '-1' });
const links = new Map();
let leaving = new AbortController();

function frame() {
  const nav = h('nav', { class: 'rail', 'aria-label': 'Pages' }, Object.entries(PAGES).map(([name, [title, shape]]) => {
    const link = h('a', { href: `#/${name}` }, icon(shape), h('span', { class: 'long' }, title), h('span', { class: 'short' }, SHORT[name] ?? title));
    links.set(name, link);
    return link;
  }));
  const place = h('span', { class: 'environment' });
  const user = h('span', { class: 'user' });
  const top = h('header', { class: 'top' },
    h('a', { class: 'brand', href: '#/flows' }, h('img', { src: '/ui/icon.svg', alt: '', width: 24, height: 24 }), 'Flowright'),
    place, h('span', { class: 'grow' }), user, themeButton());
  fill(document.getElementById('app'), top, nav, main, h('div', { id: 'toasts', role: 'status', 'aria-live': 'polite' }));
  info().then((it) => fill(place, it?.environment));
  whoAmI().then((session) => fill(user, userMenu(session)));
}

function themeButton() {
  const systemDark = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => (document.documentElement.dataset.theme ?? (systemDark.matches ? 'dark' : 'light')) === 'dark';
  const node = h('button', { type: 'button', class: 'icon-button', id: 'theme' });
  const show = () => {
    const title = isDark() ? 'Use light colours' : 'Use dark colours';
    node.title = title;
    node.setAttribute('aria-label', title);
    fill(node, icon(isDark() ? 'sun' : 'moon'));
  };
  node.addEventListener('click', () => {
    const next = isDark() ? 'light' : 'dark';
    document.documentElement.dataset.theme = next;
    localStorage.setItem('theme', next);
    show();
  });
  systemDark.addEventListener('change', show);
  show();
  return node;
}

/** Draws the page that the address names. */
async function route() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const { segments, query } = here();
  const name = PAGES[segments[0]] ? segments[0] : 'flows';
  const [title, , list, one] = PAGES[name];
  for (const [key, link] of links) {
    if (key === name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${title} · Flowright`;
  const rest = segments.slice(1);
  const root = h('div', { class: 'page' }, skeleton());
  fill(main, root);
  try {
    const page = await (one?.(rest) ?? list());
    if (signal.aborted) return;
    await page.render(root, { segments: rest, query, signal, title: (text) => { document.title = `${text} · Flowright`; } });
  } catch (error) {
    if (error.name === 'AbortError' || signal.aborted) return;
    fill(root, error.status === 401 ? signIn(route) : [h('h1', { class: 'hidden' }, title), failed(error, route)]);
  }
}

const kept = localStorage.getItem('theme');
if (kept === 'dark' || kept === 'light') document.documentElement.dataset.theme = kept;
frame();
// Addresses behind `#` are pages here.
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener('hashchange', () => {
  route();
  main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
});
route();
