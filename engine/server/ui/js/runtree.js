// The cards of a run: what is around the failure is open, loops show one pass at a time.

import { fill, h } from './dom.js';
import { chain, triggerCard } from './cards.js';
import { clock, span, millis } from './format.js';
import { actionKind } from './kinds.js';
import { failed, skeleton } from './parts.js';
import { mark, ofAction, word } from './status.js';
import { passes } from './strip.js';

/** Actions up to which everything that worked is open as well. */
const OPEN_MAX = 40;

export function tree(page) {
  const { run } = page;
  page.parents = new Map();
  note(page, run.actions, null);
  const few = count(run.actions) <= OPEN_MAX;
  const steps = chain(run.actions, (node) => look(page, node, few));
  steps.prepend(triggerCard({ kind: run.triggerKind, displayName: run.triggerName ?? run.trigger },
    h('span', { class: 'card-side' }, mark('Succeeded')), () => page.open({})));
  return steps;
}

/** Remembers in what each action stands, to tell why it was skipped. */
function note(page, nodes, parent) {
  for (const node of nodes) {
    page.parents.set(node.path, { node, parent });
    for (const block of node.blocks ?? []) note(page, block.actions, node);
  }
}

const count = (nodes) => nodes.reduce((all, it) => all + 1 + (it.blocks ?? []).reduce((sum, block) => sum + count(block.actions), 0), 0);

/** Whether the place is inside of this one. */
function holds(node, path) {
  if (!path) return false;
  if (node.loop) return path.startsWith(`${node.path}#`);
  return (node.blocks ?? []).some((block) => block.actions.some((it) => it.path === path || holds(it, path)));
}

function look(page, node, few) {
  const status = ofAction(node);
  const length = node.startTime && status !== 'Skipped' ? span(millis(node.startTime, node.endTime)) : '';
  const isOnPath = node.path === page.run.failedAt || holds(node, page.run.failedAt);
  const wanted = isOnPath || holds(node, page.selected) || (!node.status && node.startTime) || (few && !page.run.failedAt && node.status !== 'Skipped');
  const tries = node.attempts?.length ?? 0;
  return {
    path: node.path,
    tone: `${status === 'Skipped' || status === 'None' ? 'is-quiet' : ''} ${isOnPath ? 'is-failed-path' : ''} ${page.selected === node.path ? 'is-selected' : ''}`,
    line: line(node) ?? plain(page, node),
    side: h('span', { class: 'card-side' }, 1 < tries ? h('span', { class: 'muted small', title: `${tries} attempts` }, `${tries}×`) : null,
      h('span', { class: 'muted small numeric' }, isTakenOver(page.run, node) && status !== 'Skipped' ? 'taken over' : length), mark(status)),
    select: () => page.open(node),
    isOpen: page.folds.get(node.path) ?? Boolean(wanted),
    onfold: (isOpen) => page.folds.set(node.path, isOpen),
    below: node.loop ? loop(page, node, few) : undefined,
  };
}

/** What it does, as its flow says it. */
function plain({ run }, node) {
  const summary = summaryOf(run, node);
  return summary ? `${actionKind(node.kind).title}: ${summary}` : undefined;
}

export function summaryOf(run, node) {
  const name = node.path.split('/').pop().replaceAll('%2F', '/').replaceAll('%23', '#').replaceAll('%25', '%');
  return Object.hasOwn(run.summaries, name) ? run.summaries[name] : undefined;
}

/** Whether an earlier run has done it, from which this one has taken it over. */
export const isTakenOver = (run, node) => Boolean(run.resubmitOf && node.endTime) && new Date(node.endTime) < new Date(run.startTime);

/** What an action says of itself in a line. */
function line(node) {
  if (node.status === 'Skipped') return `Skipped: ${reason(node)}`;
  if (!node.status && node.waitsFor) return waiting(node);
  if (node.error && node.status !== 'Succeeded' && !node.blocks && !node.loop) return `${node.error.code}: ${node.error.message}`;
  if (node.status === 'TimedOut') return word('TimedOut');
  return undefined;
}

/** Why an action was skipped, in a few words. */
export function reason(node) {
  const { code, message = '' } = node.error ?? {};
  if (code === 'ActionBranchingConditionNotSatisfied') return 'the other branch was taken';
  if (code === 'ActionDependencyFailed') return 'what it stands in was not carried out';
  const parts = /condition for action '(.*)' is not satisfied\. Expected status values '(.*)' and actual value '(.*)'/.exec(message);
  if (parts) return `“${parts[1].replaceAll('_', ' ')}” ended as ${word(parts[3])}, not as ${parts[2].split(', ').map(word).join(' or ')}`;
  return message || 'it was not its turn';
}

/** What an open action waits for, and until when. */
export function waiting(node) {
  const { until, attempt, attempts, code, isThrottled } = node.waits ?? {};
  const when = until ? ` until ${clock(until)}` : '';
  if (attempt) {
    const why = isThrottled ? `Rate limit of the service${code ? ` (${code})` : ''}: attempt` : code ? `After ${code}: attempt` : 'Attempt';
    return `${why} ${attempt}${attempts ? ` of ${attempts}` : ''} follows${until ? ` at ${clock(until)}` : ''}`;
  }
  return `Waits for ${node.kind === 'approval' ? 'somebody to answer' : node.waitsFor}${when}`;
}

/** The strip of a loop and the actions of the pass that is chosen. */
function loop(page, node, few) {
  const root = h('div', {});
  const { strip } = node.loop;
  if (!strip.length) return h('p', { class: 'muted card-note' }, 'No iterations');
  const place = h('div', { class: 'pass' });
  const named = inAddress(node.path, page.selected) ?? inAddress(node.path, page.run.failedAt);
  const firstBad = strip.search(/[ft]/);
  const present = Math.min(page.passes.get(node.path) ?? named ?? Math.max(0, firstBad), strip.length - 1);
  const show = async (pass) => {
    page.passes.set(node.path, pass);
    const key = `${node.path}#${pass}`;
    const known = page.drawn.get(key);
    if (known) draw(known);
    else fill(place, skeleton(2));
    if (known && strip[pass] !== 'r' && known.isOver) return;
    try {
      const actions = await page.source.pass(node.path, pass);
      actions.isOver = strip[pass] !== 'r';
      page.drawn.set(key, actions);
      if (page.passes.get(node.path) === pass) draw(actions);
    } catch (error) {
      if (error.name !== 'AbortError') fill(place, failed(error, () => show(pass)));
    }
  };
  const draw = (actions) => {
    note(page, actions, node);
    fill(place, chain(actions, (it) => look(page, it, few)));
  };
  root.append(passes(node.loop, present, show), place);
  show(present);
  return root;
}

/** The pass of this loop that an address leads through. */
function inAddress(path, address) {
  if (!address?.startsWith(`${path}#`)) return undefined;
  return Number.parseInt(address.slice(path.length + 1), 10);
}
