// When each action was at work: asking, pausing between attempts, or waiting for what is inside.

import { h } from './dom.js';
import { clock, millis, span } from './format.js';
import { isTakenOver, summaryOf } from './runtree.js';
import { mark, ofAction } from './status.js';

const ROWS_MAX = 500;

export function timeline(run, open) {
  const rows = [];
  collect(run.actions, 0, rows);
  const begun = rows.filter((it) => isOwn(run, it.node));
  const start = new Date(run.startTime).getTime();
  const end = Math.max(start + 1, ...begun.map((it) => time(it.node.endTime)), run.endTime ? time(run.endTime) : Date.now());
  const scale = (at) => `${((at - start) / (end - start)) * 100}%`;
  const width = (from, to) => `max(2px, ${((to - from) / (end - start)) * 100}%)`;
  const queue = begun.length ? time(begun[0].node.startTime) - start : 0;
  return h('div', { class: 'timeline' },
    h('ul', { class: 'legend' }, [['good', 'Asking or computing'], ['waiting', 'Pause between attempts'], ['inside', 'What is inside'], ['quiet', 'Waiting for its turn']].map(([tone, text]) => h('li', {}, h('span', { class: `swatch ${tone}` }), text))),
    h('div', { class: 'timeline-axis' }, h('span', {}, clock(run.startTime)), h('span', {}, span((end - start) / 2)), h('span', {}, span(end - start))),
    queue > 20 ? row(['Waiting for its turn'], 0, null, span(queue), [h('span', { class: 'bar-part quiet', style: { left: '0%', width: width(start, start + queue) } })]) : null,
    rows.slice(0, ROWS_MAX).map(({ node, depth }) => row([node.name, summaryOf(run, node)], depth, node, isOwn(run, node) ? span(millis(node.startTime, node.endTime)) : isTakenOver(run, node) ? 'taken over' : '', isOwn(run, node) ? parts(node, { scale, width }) : [], open)),
    rows.length > ROWS_MAX ? h('p', { class: 'muted' }, `The first ${ROWS_MAX} of ${rows.length} actions`) : null);
}

/** Whether it was at work in this run. */
const isOwn = (run, node) => Boolean(node.startTime) && node.status !== 'Skipped' && !isTakenOver(run, node);
const time = (text) => (text ? new Date(text).getTime() : Date.now());

function collect(nodes, depth, into) {
  for (const node of nodes) {
    into.push({ node, depth });
    for (const block of node.blocks ?? []) collect(block.actions.filter((it) => it.status !== 'Skipped' && it.startTime), depth + 1, into);
  }
}

function row([name, summary], depth, node, length, bars, open) {
  const title = h('span', { class: 'timeline-name', style: { 'padding-left': `${Math.min(depth, 8) * 12}px` } }, node ? mark(ofAction(node)) : null, ' ', name, summary ? h('span', { class: 'muted small', title: summary }, ` ${summary}`) : null,
    node?.loop ? h('span', { class: 'muted small' }, ` ${node.loop.passes} iterations`) : null);
  const inner = [title, h('span', { class: 'timeline-bars' }, bars), h('span', { class: 'muted small numeric timeline-length' }, length)];
  return node ? h('button', { type: 'button', class: 'timeline-row', onclick: () => open(node) }, inner) : h('div', { class: 'timeline-row' }, inner);
}

function parts(node, { scale, width }) {
  const [start, end] = [time(node.startTime), time(node.endTime)];
  const bar = (tone, from, to, title) => h('span', { class: `bar-part ${tone}`, title, style: { left: scale(from), width: width(from, to) } });
  const tone = node.status === 'Failed' || node.status === 'TimedOut' ? 'bad' : node.blocks || node.loop ? 'inside' : 'good';
  const waits = node.attempts?.some(([,,, sent]) => sent);
  if (!node.attempts || (node.attempts.length < 2 && !waits)) return [bar(tone, start, end, `${node.name}: ${span(end - start)}`)];
  const all = [bar('waiting', start, end, 'Pauses between attempts')];
  node.attempts.forEach(([from, to, code, sent], index) => {
    if (sent) all.push(bar('quiet', time(from), time(sent), `Waited ${span(time(sent) - time(from))} before it was sent`));
    all.push(bar(code ? 'bad' : 'good', time(sent ?? from), time(to), `Attempt ${index + 1}: ${code ?? 'OK'}, ${span(time(to) - time(sent ?? from))}`));
  });
  return all;
}
