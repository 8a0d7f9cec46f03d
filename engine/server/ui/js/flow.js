// The page of one flow: drawn as cards, its trigger's address, its last runs; tabs to change it.

import { fill, h } from './dom.js';
import { flowAddress, get, info, may, optional, part } from './api.js';
import { chain, triggerCards } from './cards.js';
import { ago, brief, moment, took } from './format.js';
import { button, copyButton, skeleton, tabs } from './parts.js';
import { turn } from './flows.js';
import { icon } from './icons.js';
import { flowPage, runPage, to } from './router.js';
import { runFlow } from './runform.js';
import { badge } from './status.js';

const TABS = {
  edit: () => import('./editor.js'),
  mappings: () => import('./mapping.js'),
  versions: () => import('./versions.js'),
};

export async function render(root, page) {
  const [name, tab] = page.segments;
  const [flow, operator, mayEdit, about] = await Promise.all([get(flowAddress(name, '/outline'), page.signal), may('operator'), may('editor'), info()]);
  const locked = !mayEdit ? 'Your role may not save flows' : about?.editable === false ? 'To save flows here, start the service with --edit' : null;
  page.title(flow.name);
  const head = h('header', { class: 'page-head' });
  const body = h('div', { class: 'stack' });
  const show = () => fill(head,
    h('div', { class: 'title' }, h('p', { class: 'crumbs' }, h('a', { href: '#/flows' }, 'My flows')),
      h('h1', {}, flow.name, ' ', flow.on ? null : h('span', { class: 'badge quiet' }, icon('power', 14), h('span', {}, 'Off')))),
    h('span', { class: 'grow' }),
    operator ? button('Run', 'play', () => runFlow(name), 'primary') : null,
    operator ? button(flow.on ? 'Turn off' : 'Turn on', 'power', async () => { if (await turn(flow)) show(); }) : null);
  show();
  fill(root, head, tabs('Parts of the flow', [
    ['', 'Details', flowPage(name)], ['edit', 'Edit', flowPage(name, 'edit')], ['mappings', 'Mappings', flowPage(name, 'mappings')],
    ['versions', 'Versions', flowPage(name, 'versions')]], tab ?? ''), body);
  fill(body, skeleton());
  if (TABS[tab]) await (await TABS[tab]()).render(body, { ...page, flow, editor: !locked, locked });
  else await details(body, flow, operator, page.signal);
}

async function details(root, flow, operator, signal) {
  const steps = chain(flow.actions);
  steps.prepend(...triggerCards(flow.triggers));
  const runs = h('div', {}, skeleton(4));
  const side = h('aside', { class: 'side' },
    flow.description ? h('section', { class: 'box' }, h('h2', {}, 'About'), h('p', { class: 'pre' }, flow.description)) : null,
    flow.triggers.map((it) => triggerBox(flow, it, operator)),
    h('section', { class: 'box' }, h('header', {}, h('h2', {}, 'Run history'), h('a', { href: to('/runs', { flow: flow.flow }) }, 'All runs')), runs),
    flow.connections.length ? h('section', { class: 'box' }, h('header', {}, h('h2', {}, 'Connections'), h('a', { href: '#/connections' }, 'Manage')),
      h('ul', { class: 'plain-list' }, flow.connections.map((it) => h('li', {}, icon('plug', 16), ' ', it.name, ' ', h('span', { class: 'muted' }, it.connector))))) : null,
    flow.parameters.length ? h('section', { class: 'box' }, h('h2', {}, 'Parameters'),
      h('ul', { class: 'plain-list' }, flow.parameters.map((it) => h('li', { title: it.description }, h('code', {}, it.name), ' ', h('span', { class: 'muted' }, it.secure ? `${it.type}, secure` : it.type))))) : null,
    h('p', { class: 'muted small' }, 'Version ', h('code', { title: flow.version }, brief(flow.version, 12))));
  fill(root, h('div', { class: 'columns' }, h('section', { class: 'drawing', 'aria-label': 'The flow' }, steps), side));
  const refresh = async () => {
    const answer = await get(`/api/v1/runs?flow=${part(flow.flow)}&limit=8`, signal);
    if (!signal.aborted) fill(runs, answer.value.length ? h('ul', { class: 'runs-short' }, answer.value.map(short)) : h('p', { class: 'muted' }, 'This flow has not run yet.'));
  };
  await refresh();
  const timer = setInterval(() => { if (!document.hidden && !runs.contains(document.activeElement)) refresh().catch(() => null); }, 4_000);
  signal.addEventListener('abort', () => clearInterval(timer));
}

const short = (run) => h('li', {}, h('a', { class: 'plain', href: runPage(run.id) }, badge(run.status),
  h('span', { class: 'grow', title: moment(run.startTime) }, ago(run.startTime)), h('span', { class: 'muted' }, took(run.startTime, run.endTime))));

function triggerBox(flow, trigger, operator) {
  const box = h('section', { class: 'box' }, h('h2', {}, 'Trigger'), h('p', {}, trigger.displayName));
  if (!operator || !['request', 'httpWebhook', 'on'].includes(trigger.kind)) return trigger.kind === 'request' ? box : null;
  const place = h('div', { class: 'address' });
  box.append(place);
  optional(get(flowAddress(flow.flow, `/triggers/${part(trigger.name)}/url`))).then((answer) => {
    if (!answer) return;
    const known = h('input', { type: 'text', readonly: true, value: answer.url, 'aria-label': `HTTP ${answer.method} URL`, onfocus: (event) => event.target.select() });
    fill(place, h('label', { class: 'small muted' }, `HTTP ${answer.method} URL`), h('div', { class: 'copy-line' }, known, copyButton(() => answer.url, 'Copy URL')),
      answer.signed ? h('p', { class: 'muted small' }, 'Whoever has this address can start the flow.') : null,
      trigger.verified ? h('p', { class: 'muted small' }, `Requests are checked with the signature of ${trigger.verified}.`) : null);
  }).catch(() => null);
  return box;
}
