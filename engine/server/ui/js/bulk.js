// Something is done with many runs: first it is shown what it comes to, and one may be tried before the others.

import { h } from './dom.js';
import { get, post, runAddress } from './api.js';
import { ago, number, plural } from './format.js';
import { busy, button, dialog, failed, field, notice, skeleton } from './parts.js';
import { runPage } from './router.js';
import { badge, isOpen } from './status.js';

const WORDS = {
  retry: ['Retry runs', 'Retry', 'Each failed run is done again from the action that failed; what came before is taken over.'],
  resubmit: ['Resubmit runs', 'Resubmit', 'Each run is started again from the beginning with the same event.'],
  cancel: ['Cancel runs', 'Cancel runs', 'Each running run is stopped. What it has done stays.'],
  pause: ['Pause runs', 'Pause', 'Each running run begins no further action until it is resumed. What it has begun is finished.'],
  resume: ['Resume runs', 'Resume', 'Each paused run goes on where it is.'],
  handle: ['Mark runs as handled', 'Mark as handled', 'Each failed run is marked. Nothing else is done with it.'],
};
const LOOK_EVERY = 700;

export function bulk(action, filter) {
  const [title, verb, text] = WORDS[action];
  const repeats = action === 'retry' || action === 'resubmit';
  const narrowed = Object.fromEntries(Object.entries(filter).filter(([, it]) => it));
  const ask = (more) => post('/api/v1/runs/actions', { action, filter: narrowed, all: !Object.keys(narrowed).length, ...more });
  dialog({ title, wide: true }, async (pane) => {
    let latest = false;
    let tries = true;
    const draw = async () => {
      pane.show(skeleton(5), [button('Close', null, pane.close)]);
      let preview;
      try {
        preview = await ask({ preview: true, latest });
      } catch (error) {
        pane.show(failed(error), [button('Close', null, pane.close)]);
        return;
      }
      const note = h('input', { type: 'text', maxlength: 300, autocomplete: 'off' });
      const how = () => ({ before: preview.before, latest, ...(action === 'handle' ? { reason: note.value.trim() || null } : {}) });
      const start = button(`${verb} (${many(preview, 0)})`, null, () => busy(start, () => {
        if (repeats && tries && preview.count > 1) return tryOne(pane, { action, verb, preview, latest }, () => carryOut(pane, ask, { ...how(), before: preview.before - 1 }));
        return carryOut(pane, ask, how());
      }), 'primary');
      start.disabled = !preview.count;
      pane.show(h('div', {}, h('p', {}, text), list(preview),
        preview.warnings?.map((it) => notice('warn', `“${it.action}” in ${plural(it.runs, 'run')}`, it.message)),
        action === 'handle' ? field('Note', note, { help: 'What was done about it; everybody sees it' }) : null,
        repeats ? [check('Use the present version of the flow', latest, (is) => { latest = is; draw(); }), preview.count > 1 ? check('Try the newest one first', tries, (is) => { tries = is; }) : null] : null),
      [button('Close', null, pane.close), start]);
    };
    await draw();
  });
}

const many = ({ count, hasMore }, less) => `${number(count - less)}${hasMore ? ' or more' : ''}`;

function check(title, checked, onchange) {
  const box = h('input', { type: 'checkbox', checked, onchange: () => onchange(box.checked) });
  return h('label', { class: 'check' }, box, title);
}

const list = (preview) => (preview.count
  ? [h('p', {}, h('strong', {}, plural(preview.count, 'run')), preview.hasMore ? ' or more' : '', ' as the filter says, the newest of them:'),
    h('ul', { class: 'runs-short' }, preview.value.slice(0, 8).map((run) => h('li', {}, badge(run.status), h('span', { class: 'grow' }, run.flow), h('span', { class: 'muted' }, run.refused ? run.refused.message : ago(run.startTime)))))]
  : notice('info', 'There is nothing to do', 'No run is as the filter says.'));

/** Does one run again, waits for its end, and asks whether the others are to follow. */
async function tryOne(pane, { action, verb, preview, latest }, others) {
  const [first] = preview.value;
  const { id } = await post(runAddress(first.id, `/${action}`), { latest });
  const link = h('a', { href: runPage(id), onclick: pane.close }, 'Look at it');
  pane.show(notice('info', 'The newest one is done again first', 'The others follow when you say so.', h('p', {}, link)), [button('Close', null, pane.close)]);
  let run;
  do {
    await new Promise((done) => { setTimeout(done, LOOK_EVERY); });
    if (!pane.node.isConnected) return;
    run = await get(runAddress(id, '?bodies=false'));
  } while (isOpen(run.status));
  const isGood = run.status === 'Succeeded';
  const rest = button(`${verb} the others (${many(preview, 1)})`, null, () => busy(rest, others), isGood ? 'primary' : '');
  pane.show(h('div', {}, notice(isGood ? 'good' : 'bad', isGood ? 'It worked' : `It ended as ${run.status}`, run.error?.message, h('p', {}, link))), [button('Close', null, pane.close), rest]);
}

async function carryOut(pane, ask, how) {
  const done = [];
  const refused = [];
  let { before } = how;
  do {
    const answer = await ask({ ...how, before });
    done.push(...answer.done);
    refused.push(...answer.refused);
    before = answer.before;
    pane.show(notice('info', 'At work', `${plural(done.length, 'run')} so far`), []);
  } while (before);
  pane.show(h('div', {}, notice(refused.length ? 'warn' : 'good', `Done with ${plural(done.length, 'run')}`, refused.length ? `${plural(refused.length, 'run')} refused` : null),
    h('ul', { class: 'plain-list' }, refused.slice(0, 20).map((it) => h('li', {}, h('a', { href: runPage(it.id), onclick: pane.close }, it.id), ' ', it.error.message)))),
  [button('Done', null, pane.close, 'primary')]);
}
