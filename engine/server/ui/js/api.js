// Asks the service. What goes wrong is an `ApiError` with words for people.

export class ApiError extends Error {
  constructor(status, code, message, body) {
    super(message);
    Object.assign(this, { status, code, body });
  }
}

export const part = encodeURIComponent;

/** `?a=b` of what is given. */
export function query(members) {
  const given = Object.entries(members ?? {}).filter(([, it]) => it !== undefined && it !== null && it !== '' && it !== false);
  return given.length ? `?${given.map(([name, it]) => `${name}=${part(it)}`).join('&')}` : '';
}

async function ask(method, address, body, signal) {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  const text = body === undefined ? undefined : JSON.stringify(body);
  let response;
  try {
    response = await fetch(address, { method, headers, body: text, signal, credentials: 'same-origin' });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, 'Unreachable', 'The service does not answer. Is it still running?');
  }
  const isJson = (response.headers.get('content-type') ?? '').includes('json');
  const answer = isJson ? await response.json() : await response.text();
  if (response.ok) return answer === '' ? null : answer;
  const { code = `HTTP ${response.status}`, message = response.statusText } = answer?.error ?? {};
  if (response.status === 401) window.dispatchEvent(new CustomEvent('signed-out'));
  throw new ApiError(response.status, code, message, answer);
}

export const get = (address, signal) => ask('GET', address, undefined, signal);
export const post = (address, body = {}, signal) => ask('POST', address, body, signal);
export const put = (address, body, signal) => ask('PUT', address, body, signal);
export const patch = (address, body, signal) => ask('PATCH', address, body, signal);
export const remove = (address) => ask('DELETE', address);

export const flowAddress = (flow, rest = '') => `/api/v1/flows/${part(flow)}${rest}`;
export const runAddress = (run, rest = '') => `/api/v1/runs/${part(run)}${rest}`;

/** The answer, or nothing where this service has no such thing. */
export async function optional(promise) {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof ApiError && [403, 404, 405].includes(error.status)) return null;
    throw error;
  }
}

/** Who is signed in, asked once. */
let session = null;
export const whoAmI = (again = false) => {
  if (again || !session) session = optional(get('/api/v1/session')).catch(() => null);
  return session;
};

/** What the service is made of, asked once. */
let about = null;
export const info = () => {
  about ??= optional(get('/api/v1/info')).catch(() => null);
  return about;
};

const ROLES = ['viewer', 'operator', 'editor', 'admin'];
/** Whether the one who is signed in has this role; without sign-in everybody here has. */
export async function may(role) {
  const known = await whoAmI();
  const own = known?.user?.role;
  return !known || (own !== undefined && ROLES.indexOf(role) <= ROLES.indexOf(own));
}
