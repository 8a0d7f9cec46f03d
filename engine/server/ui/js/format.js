// Times, lengths and sizes as people read them.

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const SHORT = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const NUMBER = new Intl.NumberFormat();
const AGO = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

export const number = (value) => NUMBER.format(value ?? 0);
export const moment = (text) => (text ? DATE.format(new Date(text)) : '–');
export const shortMoment = (text) => (text ? SHORT.format(new Date(text)) : '–');
export const clock = (text) => (text ? CLOCK.format(new Date(text)) : '–');

/** "5 min ago". */
export function ago(text) {
  if (!text) return '–';
  const seconds = (new Date(text) - Date.now()) / 1000;
  const size = Math.abs(seconds);
  if (size < 45) return 'just now';
  if (size < 3_600) return AGO.format(Math.round(seconds / 60), 'minute');
  if (size < 86_400) return AGO.format(Math.round(seconds / 3_600), 'hour');
  if (size < 30 * 86_400) return AGO.format(Math.round(seconds / 86_400), 'day');
  return shortMoment(text);
}

export const millis = (start, end) => (start ? (end ? new Date(end) : new Date()) - new Date(start) : null);

/** A length of time. */
export function span(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return '–';
  if (ms < 1) return '0 ms';
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
  return `${Math.floor(ms / 86_400_000)} d ${Math.round((ms % 86_400_000) / 3_600_000)} h`;
}

export const took = (start, end) => span(millis(start, end));

/** An ISO 8601 length of time in milliseconds, as far as it has days and less. */
export function isoMillis(text) {
  const parts = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(text ?? '');
  if (!parts) return null;
  const [, d = 0, h = 0, m = 0, s = 0] = parts;
  return ((+d * 24 + +h) * 60 + +m) * 60_000 + +s * 1_000;
}

export function bytes(count) {
  if (count < 1_000) return `${count} bytes`;
  if (count < 1_000_000) return `${(count / 1_000).toFixed(1)} KB`;
  return `${(count / 1_000_000).toFixed(1)} MB`;
}

/** The beginning of a long name that is unique enough. */
export const brief = (text, length = 8) => (text && length < text.length ? `${text.slice(0, length)}…` : text ?? '–');

/** A value in one line. */
export function line(value, most = 120) {
  const text = value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  return most < text.length ? `${text.slice(0, most)}…` : text;
}

export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;
