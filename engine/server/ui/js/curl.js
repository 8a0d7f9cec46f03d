// A request as a command for a terminal. Nothing that proves who asks, and nothing that is called a secret, gets into it.

const HIDDEN = '<hidden>';
/** Names of headers, parameters and members whose values are not copied. */
const SECRET = /auth|cookie|token|secret|password|passwd|signature|credential|api[-_]?key|subscription-key|functions-key|^(sig|code|key|pwd|assertion)$/i;

const quote = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;
const plain = (name, value) => (SECRET.test(name) ? HIDDEN : value);

/** The inputs of an HTTP action as a command. */
export function curl({ method = 'GET', uri, headers = {}, queries = {}, body, authentication }) {
  const parts = ['curl', '-X', quote(method).replace(/^'(\w+)'$/, '$1'), quote(address(uri, queries))];
  const given = Object.entries(headers ?? {});
  for (const [name, value] of given) parts.push('-H', quote(`${name}: ${plain(name, value)}`));
  const has = (wanted) => given.some(([name]) => name.toLowerCase() === wanted);
  if (authentication && !has('authorization')) parts.push('-H', quote(`authorization: ${HIDDEN}`));
  if (body !== undefined && body !== null) {
    if (typeof body !== 'string' && !has('content-type')) parts.push('-H', quote('content-type: application/json'));
    parts.push('--data-raw', quote(data(body)));
  }
  return parts.join(' ');
}

/** A body as text; one that is JSON, or a form, without what its members say of secrets. */
function data(body) {
  if (typeof body !== 'string') return JSON.stringify(body, (name, value) => plain(name, value));
  if (/^[\w.%-]+=/.test(body)) return body.split('&').map((it) => pair(it)).join('&');
  if (!/^\s*[[{]/.test(body)) return body;
  try {
    return JSON.stringify(JSON.parse(body), (name, value) => plain(name, value));
  } catch {
    return body;
  }
}

/** The address with its parameters, without a name and password in front of the host. */
function address(uri, queries) {
  const [start, ...rest] = String(uri).split('?');
  const pairs = [...rest.join('?').split('&').filter(Boolean).map((it) => pair(it)),
    ...Object.entries(queries ?? {}).map(([name, value]) => `${encodeURIComponent(name)}=${plain(name, encodeURIComponent(value))}`)];
  const safe = start.replace(/^(\w+:\/\/)[^/@]*@/, `$1${HIDDEN}@`);
  return pairs.length ? `${safe}?${pairs.join('&')}` : safe;
}

function pair(text) {
  const at = text.indexOf('=');
  return at < 0 ? text : `${text.slice(0, at)}=${plain(text.slice(0, at), text.slice(at + 1))}`;
}
