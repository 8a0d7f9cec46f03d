// The head of a run: how it ended and what can be done about it, what it belongs to, and what it waits for.

import { fill, h } from './dom.js';
import { get, post, query as asQuery, runAddress } from './api.js';
import { again } from './again.js';
import { commitLink, commitsOf } from './commits.js';
import { commands, saveTest } from './commands.js';
import { ago, brief, moment, number, plural, took } from './format.js';
import { handle, handledNotice } from './handle.js';
import { icon } from './icons.js';
import { busy, button, confirm, copyButton, notice, toast } from './parts.js';
import { flowPage, runPage, to } from './router.js';
import { save } from './source.js';
import { badge, isOpen } from './status.js';

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const wentWrong = (run) => ['Failed', 'TimedOut', 'Cancelled'].includes(run.status);

export function drawHead(page, place) {
  const { run } = page;
  const known = h('dl', { class: 'facts' }, facts(page));
  if (page.source.isLive) related(page, known);
  fill(place,
    h('header', { class: 'page-head' }, h('div', { class: 'title' },
      h('p', { class: 'crumbs' }, h('a', { href: to('/runs', { flow: run.flow }) }, 'Run history')),
      h('h1', {}, run.flowName, ' ', badge(run.status))), h('span', { class: 'grow' }), page.source.isLive ? buttons(page) : h('span', { class: 'badge quiet' }, 'From a file')),
    known,
    page.source.isLive ? turn(page) : null,
    run.paused ? notice('info', 'The run is paused', `${capital(ago(run.paused.startTime))}: ${run.paused.reason}. What it has begun is finished; no further action begins until it is resumed.`) : null,
    run.handled ? handledNotice(run, page.operator, page.refresh) : null,
    run.error && !isOpen(run.status) ? notice('bad', run.error.code ?? 'The run failed', run.error.message, first(page)) : null);
}

function buttons(page) {
  const { run, operator, id } = page;
  const small = (shape, title, work) => {
    const node = h('button', { type: 'button', class: 'icon-button', title, 'aria-label': title, onclick: () => busy(node, work) }, icon(shape, 18));
    return node;
  };
  const doing = !operator ? [] : isOpen(run.status) ? [pauseButton(page), button('Cancel run', 'ban', (event) => cancel(page, event.currentTarget))]
    : [run.status === 'Succeeded' ? null : button('Retry', 'refresh', () => again(page, 'retry'), 'primary'), button('Resubmit', 'history', () => again(page, 'resubmit')),
      wentWrong(run) && !run.handled ? button('Mark as handled', 'check', () => handle(id, page.refresh)) : null];
  return h('div', { class: 'button-row' }, doing, h('span', {}, isOpen(run.status) ? null : small('table', 'Save as test', () => saveTest(run)),
    small('code', 'Command line', () => commands(run, run.failure?.name)), small('download', 'Download this run', () => save(page.source))));
}

/** Stops a run between two actions, or lets it go on. */
function pauseButton(page) {
  const isPaused = page.run.status === 'Paused';
  const node = button(isPaused ? 'Resume' : 'Pause', isPaused ? 'play' : 'pause', () => busy(node, async () => {
    await post(runAddress(page.id, isPaused ? '/resume' : '/pause'));
    toast(isPaused ? 'The run goes on' : 'The run is paused');
    await page.refresh();
  }), isPaused ? 'primary' : '');
  return node;
}

const fact = (name, value) => h('div', {}, h('dt', {}, name), h('dd', {}, value));
const copied = (text, length, title) => [h('code', { title: text }, brief(text, length)), copyButton(() => text, title)];

function facts(page) {
  const { run, source } = page;
  const tracking = run.correlation?.clientTrackingId;
  return [fact('Started', h('span', { title: moment(run.startTime) }, ago(run.startTime))), fact('Duration', took(run.startTime, run.endTime)),
    run.startedBy ? fact('Started by', run.startedBy) : null,
    run.beganTime ? fact('Waited for its turn', took(run.startTime, run.beganTime)) : null,
    source.isBare ? fact('Trigger', run.trigger) : fact('Trigger', h('button', { type: 'button', class: 'link', onclick: () => page.open({}) }, run.triggerName ?? run.trigger)),
    run.key ? fact('Key', [h('code', {}, brief(run.key, 32)), ' ', source.isLive ? h('span', { class: 'same-key' }, sameKey(page)) : null]) : null,
    run.parent ? fact('Called by', h('a', { href: runPage(run.parent.id, { action: run.parent.action }) }, run.parent.action)) : null,
    run.resubmitOf ? fact('Does again', [h('a', { href: runPage(run.resubmitOf) }, brief(run.resubmitOf, 14)), run.isEdited ? h('span', { class: 'chip small' }, 'event edited') : null]) : null,
    run.flow ? fact('Flow', [h('a', { href: flowPage(run.flow) }, run.flow), ' ', h('a', { href: flowPage(run.flow, 'versions'), title: `Version ${run.version}` }, h('code', {}, brief(run.version, 7))), source.isLive ? commit(page) : null]) : null,
    fact('Run', copied(run.id, 14, 'Copy the run id')),
    tracking && tracking !== run.id ? fact('Tracking id', copied(tracking, 24, 'Copy the tracking id')) : null,
    run.correlation?.clientKeywords ? fact('Keywords', run.correlation.clientKeywords.join(', ')) : null,
    run.traceId ? fact('Trace', copied(run.traceId, 9, 'Copy the trace id')) : null,
    page.admin ? fact('Who did what', h('a', { href: to('/activity', { target: run.id }) }, 'Activity')) : null];
}

/** The Git commit that holds the version of the run's flow. */
function commit(page) {
  const { run, signal } = page;
  const place = h('span', {});
  page.commits ??= commitsOf(run.flow, run.version, signal);
  page.commits.then((found) => {
    const known = found?.get(run.version);
    fill(place, known ? [' commit ', commitLink(known)] : null);
  });
  return place;
}

/** Runs that it has called, and those that do it again; asked once, and once more at its end. */
function related(page, list) {
  const { run, id, signal } = page;
  if (page.relatedOf !== run.status) {
    page.relatedOf = run.status;
    page.related = Promise.all([get(`/api/v1/runs${asQuery({ parent: id, limit: 1, count: true })}`, signal), get(`/api/v1/runs${asQuery({ resubmitOf: id, limit: 3 })}`, signal)]);
  }
  page.related.then(([called, repeated]) => {
    if (called.count) list.append(fact('Called', h('a', { href: to('/runs', { parent: id }) }, plural(called.count, 'run'))));
    const [last] = repeated.value;
    if (last) list.append(fact('Done again', [h('a', { href: runPage(last.id) }, ago(last.startTime)), ' ', badge(last.status), repeated.value.length > 1 ? h('a', { href: to('/runs', { resubmitOf: id }) }, 'all') : null]));
  }).catch(() => null);
}

/** Runs of one key go one after the other: whom this one waits for. */
function turn(page) {
  const { run, id, signal } = page;
  const place = h('div', {});
  if (run.status !== 'Running' || !run.key || run.eventCount !== 1) return place;
  get(`/api/v1/runs${asQuery({ key: run.key, status: 'Running', limit: 200 })}`, signal).then(({ value }) => {
    const at = value.findIndex((it) => it.id === id);
    const older = at < 0 ? [] : value.slice(at + 1).filter((it) => it.flow === run.flow);
    if (older.length) fill(place, notice('info', 'It waits for its turn', `Runs of one key go one after the other. Before this one: ${number(older.length)}.`, h('p', {}, h('a', { href: runPage(older[0].id) }, 'The run before it'), ' · ',
      h('a', { href: to('/runs', { key: run.key, status: 'Running' }) }, 'All that wait'))));
  }).catch(() => null);
  return place;
}

/** What failed first, with a way there, and to others that failed so. */
function first(page) {
  const { run } = page;
  const { failedAt, failure } = run;
  const error = failure?.error;
  const alike = run.errorCode && page.source.isLive
    ? h('p', {}, h('a', { href: to('/runs', { flow: run.flow, error: run.errorCode, status: 'Failed,TimedOut' }) }, 'All runs of this flow that failed so')) : null;
  if (!failedAt) return alike;
  return [h('p', {}, 'First failed action: ', h('button', { type: 'button', class: 'link', onclick: () => page.open({ path: failedAt }) }, icon('chevron', 14), failure?.name ?? failedAt),
    error && error.message !== run.error.message ? h('span', { class: 'muted' }, ` ${error.code}: ${error.message}`) : null), alike];
}

/** Ways to the runs of the same key before and after. */
function sameKey(page) {
  const place = h('span', {});
  const { run, id, signal } = page;
  page.ofKey ??= get(`/api/v1/runs${asQuery({ flow: run.flow, key: run.key, limit: 200 })}`, signal);
  page.ofKey.then(({ value }) => {
    const at = value.findIndex((it) => it.id === id);
    const link = (other, text) => (other ? h('a', { href: runPage(other.id), title: `${other.status}, ${moment(other.startTime)}` }, text) : null);
    fill(place, at < 0 ? null : [link(value[at + 1], 'previous'), ' ', link(value[at - 1], 'next'), ' '],
      h('a', { href: to('/runs', { key: run.key }) }, value.length < 2 ? 'only this run' : `all ${value.length}`));
  }).catch(() => null);
  return place;
}

async function cancel(page, node) {
  const agreed = await confirm({ title: 'Cancel this run?', action: 'Cancel run', text: 'What it has done stays. It can be retried later from where it was.' });
  if (!agreed) return;
  await busy(node, async () => {
    await post(runAddress(page.id, '/cancel'), { reason: 'cancelled on the run page' });
    toast('The run is cancelled');
  });
}
