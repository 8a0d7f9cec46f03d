// Something is done with many runs: first it is shown what it comes to.

import { h } from './dom.js';
import { post } from './api.js';
import { ago, number, plural } from './format.js';
import { busy, button, dialog, failed, notice, skeleton } from './parts.js';
import { runPage } from './router.js';
import { badge } from './status.js';

const WORDS = {
  retry: ['Retry runs', 'Retry', 'Each failed run is done again from the action that failed; what came before is taken over.'],
  resubmit: ['Resubmit runs', 'Resubmit', 'Each run is started again from the beginning with the same event.'],
  cancel: ['Cancel runs', 'Cancel runs', 'Each running run is stopped. What it has done stays.'],
};

export function bulk(action, filter) {
  const [title, verb, text] = WORDS[action];
  const narrowed = Object.fromEntries(Object.entries(filter).filter(([, it]) => it));
  const ask = (more) => post('/api/v1/runs/actions', { action, filter: narrowed, all: !Object.keys(narrowed).length, ...more });
  dialog({ title, wide: true }, async (pane) => {
    let latest = false;
    const draw = async () => {
      pane.show(skeleton(5), [button('Close', null, pane.close)]);
      let preview;
      try {
        preview = await ask({ preview: true, latest });
      } catch (error) {
        pane.show(failed(error), [button('Close', null, pane.close)]);
        return;
      }
      const many = `${number(preview.count)}${preview.hasMore ? ' or more' : ''}`;
      const box = h('input', { type: 'checkbox', checked: latest, onchange: () => { latest = box.checked; draw(); } });
      const start = button(`${verb} (${many})`, null, () => busy(start, () => carryOut(pane, ask, { before: preview.before, latest })), 'primary');
      start.disabled = !preview.count;
      pane.show(h('div', {}, h('p', {}, text),
        preview.count ? h('p', {}, h('strong', {}, plural(preview.count, 'run')), preview.hasMore ? ' or more' : '', ' as the filter says, the newest of them:') : notice('info', 'There is nothing to do', 'No run is as the filter says.'),
        h('ul', { class: 'runs-short' }, preview.value.slice(0, 8).map((run) => h('li', {}, badge(run.status), h('span', { class: 'grow' }, run.flow), h('span', { class: 'muted' }, run.refused ? run.refused.message : ago(run.startTime))))),
        preview.warnings?.map((it) => notice('warn', `“${it.action}” in ${plural(it.runs, 'run')}`, it.message)),
        action === 'cancel' ? null : h('label', { class: 'check' }, box, 'Use the present version of the flow')),
      [button('Close', null, pane.close), start]);
    };
    await draw();
  });
}

async function carryOut(pane, ask, how) {
  const done = [];
  const refused = [];
  let before = how.before;
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
