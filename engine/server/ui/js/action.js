// What is known of one action of a run: why it failed or was skipped, attempts, what went in and came out, how expressions came about.

import { fill, h } from './dom.js';
import { get, query as asQuery, runAddress } from './api.js';
import { again } from './again.js';
import { commands } from './commands.js';
import { tile } from './cards.js';
import { conditionView, expressionsView } from './explain.js';
import { fieldsTable, comparisonTable } from './fields.js';
import { clock, isoMillis, moment, span, took } from './format.js';
import { icon } from './icons.js';
import { bodyView } from './json.js';
import { actionKind, triggerKind } from './kinds.js';
import { curl } from './curl.js';
import { busy, button, copy, copyButton, failed, notice } from './parts.js';
import { runPage, to } from './router.js';
import { reason, waiting } from './runtree.js';
import { badge, isOpen, ofAction } from './status.js';

export async function showTrigger(page, place, close) {
  try {
    const trigger = await page.source.action();
    fill(place, head(triggerKind(trigger.kind), trigger.name, [badge('Succeeded')], close),
      h('p', { class: 'muted small' }, `Fired at ${moment(trigger.startTime)}`),
      bodyView('Outputs', trigger.outputs, async () => (await page.source.action(undefined, true)).outputs));
  } catch (error) {
    wrong(place, error, () => showTrigger(page, place, close));
  }
}

export async function showAction(page, path, place, close) {
  try {
    const action = await page.source.action(path);
    if (page.selected !== path) return;
    draw(page, action, place, close);
    // What goes on is looked at again when something has happened.
    page.onchange = action.status || !isOpen(page.run.status) ? null : () => { if (page.selected === path) showAction(page, path, place, close); };
  } catch (error) {
    wrong(place, error, () => showAction(page, path, place, close));
  }
}

function wrong(place, error, retry) {
  if (error.name !== 'AbortError') fill(place, failed(error, retry));
}

const head = (kind, name, marks, close) => h('header', { class: 'detail-head' }, tile(kind), h('div', { class: 'grow' }, h('h2', {}, name), h('div', { class: 'marks' }, marks)),
  h('button', { type: 'button', class: 'icon-button close-detail', 'aria-label': 'Close', onclick: close }, icon('close', 18)));

function draw(page, action, place, close) {
  const kind = actionKind(action.kind);
  const status = ofAction(action);
  const load = (name) => async () => (await page.source.action(action.path, true))[name];
  const why = h('div', {});
  fill(place,
    head(kind, action.name, [badge(status), h('span', { class: 'muted' }, kind.title), action.statusCode ? h('span', { class: 'chip' }, `HTTP ${action.statusCode}`) : null, action.startTime && status !== 'Skipped' ? h('span', { class: 'muted' }, took(action.startTime, action.endTime)) : null], close),
    buttons(page, action), whyText(page, action, why), why,
    action.connection ? h('p', { class: 'small' }, 'Connection ', h('a', { href: '#/connections' }, action.connection)) : null,
    action.idempotencyKey ? h('p', { class: 'small' }, 'Idempotency key ', h('code', {}, action.idempotencyKey), copyButton(() => action.idempotencyKey, 'Copy the idempotency key')) : null,
    attempts(action.attempts),
    section('Condition', conditionView(action.explain?.condition)),
    section('Fields', fieldsTable(action.explain?.mapping, action.compared)),
    action.kind === 'compare' ? section('Comparison', comparisonTable(action)) : null,
    action.kind === 'runFlow' ? children(page, action) : null,
    bodyView('Inputs', action.inputs, load('inputs')), bodyView('Outputs', action.outputs, load('outputs')),
    action.trackedProperties ? bodyView('Tracked properties', { value: action.trackedProperties, bytes: JSON.stringify(action.trackedProperties).length }) : null,
    section('Expressions', expressionsView(action.explain?.expressions)),
    h('p', { class: 'muted small' }, action.startTime ? `${moment(action.startTime)} – ${action.endTime ? clock(action.endTime) : 'now'}` : 'Not reached', ' · ', h('code', {}, action.path)));
}

const section = (title, content) => (content ? h('section', { class: 'box flat' }, h('h3', {}, title), content) : null);

function whyText(page, action, why) {
  if (action.status === 'Skipped') {
    const container = page.parents?.get(action.path)?.parent;
    // The condition around it says why, with the values of both sides.
    if (action.error?.code === 'ActionBranchingConditionNotSatisfied' && container) condition(page, container, why);
    return notice('info', 'Skipped', `${reason(action)[0].toUpperCase()}${reason(action).slice(1)}.`);
  }
  if (!action.status && action.waitsFor) return notice('info', 'At work', `${waiting(action)}.`, action.kind === 'approval' && page.source.isLive ? h('p', {}, h('a', { href: to('/approvals') }, 'Approvals')) : null);
  if (!action.error || action.status === 'Succeeded') return null;
  const { code, message, details } = action.error;
  return notice('bad', code, message, details ? h('details', {}, h('summary', {}, 'Details'), h('pre', { class: 'code' }, JSON.stringify(details, null, 2))) : null);
}

async function condition(page, container, place) {
  const parent = await page.source.action(container.path).catch(() => null);
  if (!parent?.explain) return;
  const view = conditionView(parent.explain.condition) ?? expressionsView(parent.explain.expressions);
  fill(place, section(`Condition of “${container.name}”`, view));
}

function attempts(all) {
  if (!all || (all.length < 2 && !all[0]?.error && !all[0]?.sentTime)) return null;
  const asked = all.some((it) => it.retryAfter);
  const waited = all.some((it) => it.sentTime);
  const titles = ['Attempt', 'Start', ...(waited ? ['Waited'] : []), 'Duration', ...(asked ? ['Retry-After'] : []), 'Pause'];
  return section(`Attempts (${all.length})`, h('table', { class: 'small-table' },
    h('thead', {}, h('tr', {}, titles.map((it) => h('th', { scope: 'col' }, it)))),
    h('tbody', {}, all.map((it, index) => [h('tr', { class: 'has-more' }, h('td', {}, index + 1), h('td', { class: 'numeric' }, clock(it.startTime)),
      waited ? h('td', { class: 'numeric', title: 'For the limits of the connection, or for the service to start' }, it.sentTime ? took(it.startTime, it.sentTime) : '') : null,
      h('td', { class: 'numeric' }, took(it.sentTime ?? it.startTime, it.endTime)),
      asked ? h('td', { class: 'numeric' }, it.retryAfter ? span(isoMillis(it.retryAfter)) : '') : null,
      h('td', { class: 'numeric' }, it.pause ? span(isoMillis(it.pause)) : '')),
    // What was answered has a line of its own: beside figures there is no room for it.
    h('tr', {}, h('td', {}), h('td', { colspan: titles.length - 1 }, it.error ? [h('code', {}, it.error.code), ' ', h('span', { class: 'muted' }, it.error.message)] : 'OK'))]))));
}

function children(page, action) {
  const place = h('p', { class: 'muted' }, '…');
  if (!page.source.isLive) return null;
  get(`/api/v1/runs${asQuery({ parent: page.id, limit: 100 })}`, page.signal).then(({ value }) => {
    const own = value.filter((it) => it.parent?.action === action.path);
    fill(place, own.length ? own.map((it) => h('a', { class: 'plain', href: runPage(it.id) }, badge(it.status), ' ', it.flow)) : 'No child run yet');
  }).catch(() => fill(place, h('a', { href: to('/runs', { parent: page.id }) }, 'Child runs')));
  return section('Child run', place);
}

/** The request as a command; that of a connector's call is made by the service. */
function curlButton(page, action) {
  if (['http', 'httpWebhook'].includes(action.kind) && action.inputs?.value?.uri) return button('Copy as curl', 'copy', () => copy(curl(action.inputs.value)));
  if (action.kind !== 'call' || !action.inputs || !page.operator) return null;
  const node = button('Copy as curl', 'copy', () => busy(node, async () => copy(curl(await get(runAddress(page.id, `/request${asQuery({ path: action.path })}`), page.signal)))));
  return node;
}

function buttons(page, action) {
  const isOver = !isOpen(page.run.status);
  const name = action.name;
  const all = [
    page.operator && isOver && action.status && action.status !== 'Skipped' ? button('Retry from here', 'refresh', () => again(page, 'retry', name)) : null,
    page.source.isLive ? button('Copy link', 'link', () => copy(location.href)) : null,
    curlButton(page, action),
    page.source.isLive ? button('Command line', 'code', () => commands(page.run, name)) : null,
  ];
  return h('div', { class: 'button-row small-buttons' }, all);
}
