// A run is done again: from the beginning, or from an action on. First it is shown what that comes to.

import { h } from './dom.js';
import { post, runAddress } from './api.js';
import { busy, button, dialog, failed, notice, skeleton, toast } from './parts.js';
import { go, runPage } from './router.js';

export function again(run, how, from) {
  const title = how === 'resubmit' ? 'Resubmit run' : from ? `Retry from “${from}”` : 'Retry run';
  let latest = false;
  dialog({ title }, async (pane) => {
    const body = (preview) => ({ latest, preview, ...(from ? { from } : {}) });
    const draw = async () => {
      pane.show(skeleton(4), [button('Cancel', null, pane.close)]);
      let preview;
      let refused = null;
      try {
        preview = await post(runAddress(run, `/${how}`), body(true));
      } catch (error) {
        refused = error;
      }
      const box = h('input', { type: 'checkbox', checked: latest, onchange: () => { latest = box.checked; draw(); } });
      const start = button(how === 'resubmit' ? 'Resubmit' : 'Retry', null, () => busy(start, async () => {
        const done = await post(runAddress(run, `/${how}`), body(false));
        pane.close();
        toast('A new run has started');
        go(runPage(done.id));
      }), 'primary');
      start.disabled = Boolean(refused);
      pane.show(h('div', {}, refused ? (refused.status ? notice('warn', 'This is not possible', refused.message) : failed(refused)) : said(how, preview),
        h('label', { class: 'check' }, box, 'Use the present version of the flow')), [button('Cancel', null, pane.close), start]);
    };
    await draw();
  });
}

function said(how, { from, takenOver, warnings }) {
  const names = (all) => h('ul', { class: 'plain-list' }, all.map((it) => h('li', {}, it)));
  return h('div', {}, how === 'resubmit' ? h('p', {}, 'Everything is done again with the same event, as a new run.')
    : [h('p', {}, 'A new run begins with:'), names(from), takenOver?.length ? h('details', {}, h('summary', {}, `${takenOver.length} actions before it are taken over and not done again`), names(takenOver)) : null],
  warnings.length ? notice('warn', 'This would be done a second time', null, names(warnings.map((it) => it.action))) : null);
}
