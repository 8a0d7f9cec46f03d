// Keeps a page up to date while a run goes on: told by the service, or by asking again where it cannot tell.

import { runAddress } from './api.js';

const PAUSE = 400;
const POLL = 1_500;

/** Calls `refresh()` after something has happened, until it says that there is nothing more to come. */
export function follow(run, signal, refresh) {
  let waiting = false;
  let again = false;
  let timer = 0;
  let source = null;
  const end = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const look = async () => {
    if (waiting) {
      again = true;
      return;
    }
    waiting = true;
    const begun = performance.now();
    const isOpen = await refresh().catch(() => true);
    // A large run is asked for no more often than it can be shown.
    const pause = Math.max(PAUSE, 2 * (performance.now() - begun));
    waiting = false;
    if (!isOpen || signal.aborted) return end();
    if (again) {
      again = false;
      timer = setTimeout(look, pause);
    }
    return undefined;
  };
  const poll = () => {
    timer = setTimeout(async () => {
      if (signal.aborted) return;
      if (!document.hidden) await look();
      if (!signal.aborted && timer) poll();
    }, POLL);
  };
  signal.addEventListener('abort', end);
  source = new EventSource(runAddress(run, '/events'));
  source.addEventListener('journal', () => { clearTimeout(timer); timer = setTimeout(look, PAUSE); });
  source.addEventListener('end', () => look().then(end));
  source.addEventListener('error', () => {
    // Closed for good: this service has no such stream, or too many of them.
    if (source?.readyState === EventSource.CLOSED && !signal.aborted) poll();
  });
}
