// What both pages share: canonical JSON (RFC 8785), digests, and an act signed by a passkey. docs/spec/passkeys.md.

const encoder = new TextEncoder();
const RELOAD = 'Load this page anew once it runs: the log has what was done.';
const UNANSWERED = `The server does not answer. ${RELOAD}`;

/** The one byte form of a value of text, whole numbers, lists and maps. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
    return `{${members.join(',')}}`;
  }
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new Error(`${value} has no canonical form`);
  return JSON.stringify(value);
}

export async function sha256(text) {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)));
}

export function hex(bytes) {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function base64(bytes) {
  return btoa(Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join(''));
}

/** Asks the API; returns its document, or throws what it says is wrong and what to do. */
export async function ask(method, path, body, act) {
  const headers = { 'content-type': 'application/json' };
  if (act) headers['safeconduct-act'] = act;
  const answer = await fetch(path, { method, headers, body, credentials: 'omit', redirect: 'error' })
    .catch(() => { throw new Error(UNANSWERED); });
  const told = await answer.json().catch(() => null);
  if (told === null) throw new Error(`The server answered ${answer.status}, and nothing that this page can read. ${RELOAD}`);
  if (!answer.ok) throw new Error(`${told.detail} (${told.code})${told.remedy ? `\nTo do: ${told.remedy}` : ''}`);
  return told;
}

/** Has the passkey of `actor` sign exactly this request, and returns the header that carries that. */
export async function signedAct(actor, method, path, body, rpId) {
  const act = {
    actor,
    at: new Date().toISOString(),
    content: hex(await sha256(body)),
    nonce: hex(crypto.getRandomValues(new Uint8Array(16))),
    operation: `${method} ${path}`,
  };
  const challenge = await sha256(`safeconduct/act/v1\n${canonical(act)}`);
  const got = await navigator.credentials.get({
    publicKey: { challenge, rpId, userVerification: 'required', timeout: 120000 },
  });
  const passkey = {
    credential: got.id,
    authenticator_data: base64(got.response.authenticatorData),
    client_data: base64(got.response.clientDataJSON),
    signature: base64(got.response.signature),
  };
  return base64(encoder.encode(canonical({ ...act, passkey }))).replaceAll('+', '-').replaceAll('/', '_');
}

/** Where passkeys can be used this tells the page's own place; elsewhere it says where, and returns null. */
export function place() {
  const { origin, rp } = document.querySelector('main').dataset;
  if (location.origin === origin && window.PublicKeyCredential) return { origin, rp };
  const link = document.getElementById('elsewhere-link');
  link.href = origin + location.pathname + location.hash;
  link.textContent = link.href;
  document.getElementById('elsewhere').hidden = false;
  document.getElementById('work').hidden = true;
  return null;
}

/** Runs one step of a page: says that it waits, and shows what went wrong where a screen reader hears it. */
export async function step(waiting, work) {
  const said = document.getElementById('said');
  const problem = document.getElementById('problem');
  const buttons = document.querySelectorAll('button');
  const began = document.activeElement;
  problem.textContent = '';
  said.textContent = waiting;
  buttons.forEach((one) => { one.disabled = true; });
  try {
    said.textContent = (await work()) ?? '';
  } catch (error) {
    said.textContent = '';
    problem.textContent = error.name === 'NotAllowedError'
      ? 'Nothing was signed: the passkey was not used, or there is none here for this site.'
      : error.message;
  } finally {
    buttons.forEach((one) => { one.disabled = false; });
    tell(problem.textContent ? problem : said, began);
  }
}

/** Brings what is said into view, and the keyboard back to where it was: a button that waits has lost it. */
function tell(spoken, began) {
  if (document.activeElement === document.body) {
    const back = began.isConnected && !began.hidden && began !== document.body ? began : spoken;
    back.focus({ preventScroll: true });
  }
  if (spoken.textContent) spoken.scrollIntoView({ block: 'nearest' });
}
