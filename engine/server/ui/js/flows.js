// My flows: every deployed flow, on or off, with its last run.

import { fill, h } from './dom.js';
import { icon } from './icons.js';
import { flowAddress, get, info, may, optional, patch } from './api.js';
import { ago } from './format.js';
import { complain, confirm, empty, toast } from './parts.js';
import { flowPage, runPage, to } from './router.js';
import { runFlow } from './runform.js';
import { badge } from './status.js';

export async function render(root, { signal }) {
  const [flows, runs, operator, mayEdit, about] = await Promise.all([
    get('/api/v1/flows', signal), optional(get('/api/v1/runs?limit=200', signal)), may('operator'), may('editor'), info()]);
  const editor = mayEdit && about?.editable !== false;
  const last = new Map();
  for (const run of runs?.value ?? []) if (!last.has(run.flow)) last.set(run.flow, run);
  const search = h('input', { type: 'search', placeholder: 'Search flows', 'aria-label': 'Search flows' });
  const place = h('div', {});
  const draw = () => {
    const wanted = search.value.trim().toLowerCase();
    const shown = flows.value.filter((it) => `${it.name} ${it.flow}`.toLowerCase().includes(wanted));
    fill(place, shown.length ? table(shown, last, { operator, editor }) : empty('flows',
      wanted ? 'No flow is called so' : 'No flows yet',
      wanted ? 'Try another word.' : 'A flow is a folder with a flow.yaml below the project. It appears here as soon as it is saved.'));
  };
  search.addEventListener('input', draw);
  draw();
  fill(root, h('header', { class: 'page-head' }, h('h1', {}, 'My flows'), h('span', { class: 'grow' }),
    h('label', { class: 'search' }, icon('search', 16), search)), place);
}

function table(flows, last, roles) {
  return h('table', { class: 'list' },
    h('thead', {}, h('tr', {}, ['Name', 'Trigger', 'Last run', 'Status', ''].map((it) =>
      h('th', { scope: 'col' }, it || h('span', { class: 'hidden' }, 'Actions'))))),
    h('tbody', {}, flows.map((flow) => row(flow, last.get(flow.flow), roles))));
}

function row(flow, run, { operator, editor }) {
  const status = h('td', { 'data-label': 'Status' });
  const show = () => fill(status, onOff(flow, operator, show));
  show();
  return h('tr', {},
    h('td', { class: 'main-cell' }, h('a', { href: flowPage(flow.flow), class: 'strong' }, flow.name), h('span', { class: 'muted small' }, flow.flow)),
    h('td', { 'data-label': 'Trigger', class: 'muted' }, flow.triggers.join(', ')),
    h('td', { 'data-label': 'Last run' }, run ? h('a', { class: 'plain', href: runPage(run.id) }, badge(run.status), h('span', { class: 'muted small' }, ` ${ago(run.startTime)}`)) : h('span', { class: 'muted' }, 'Never')),
    status,
    h('td', { class: 'actions' },
      operator ? h('button', { type: 'button', class: 'icon-button', title: 'Run', 'aria-label': `Run ${flow.name}`, onclick: () => runFlow(flow.flow) }, icon('play', 18)) : null,
      editor ? h('a', { class: 'icon-button', title: 'Edit', 'aria-label': `Edit ${flow.name}`, href: flowPage(flow.flow, 'edit') }, icon('edit', 18)) : null,
      h('a', { class: 'icon-button', title: 'Run history', 'aria-label': `Run history of ${flow.name}`, href: to('/runs', { flow: flow.flow }) }, icon('history', 18))));
}

/** A switch that says what it is and does the other. */
export function onOff(flow, allowed, shown) {
  const node = h('button', { type: 'button', role: 'switch', class: 'switch', 'aria-checked': String(flow.on), disabled: !allowed,
    'aria-label': `${flow.name} is ${flow.on ? 'on' : 'off'}` }, h('span', { class: 'knob' }), h('span', { class: 'switch-text' }, flow.on ? 'On' : 'Off'));
  node.addEventListener('click', async () => {
    node.disabled = true;
    if (await turn(flow)) shown();
    node.disabled = false;
  });
  return node;
}

/** Turns a flow on or off; off only after a question. */
export async function turn(flow) {
  if (flow.on) {
    const agreed = await confirm({ title: 'Turn off this flow?', action: 'Turn off',
      text: `“${flow.name}” takes no new events until it is turned on again. Runs that have begun go on.` });
    if (!agreed) return false;
  }
  try {
    const now = await patch(flowAddress(flow.flow), { on: !flow.on });
    flow.on = now?.on ?? !flow.on;
    toast(flow.on ? 'The flow is on' : 'The flow is off');
    return true;
  } catch (error) {
    complain(error);
    return false;
  }
}
