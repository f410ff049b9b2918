// The page on which somebody makes their passkey, with the link of an offer: its holder and secret stand behind the #.
import { ask, base64, place, sha256, step } from './passkeys.js';

const here = place();
const [holder, secret] = decodeURIComponent(location.hash.slice(1)).split('/');
const by = (id) => document.getElementById(id);

by('holder').textContent = holder ?? '';
by('make').addEventListener('click', () => step('Waiting for your device…', make));
if (!holder || !secret) {
  by('for').hidden = true;
  by('make').hidden = true;
  by('problem').textContent = 'This link is not whole.\nTo do: copy all of it, or make another: safeconduct passkey register';
}

async function make() {
  const made = await navigator.credentials.create({
    publicKey: {
      challenge: await sha256(secret),
      rp: { id: here.rp, name: 'Safeconduct' },
      user: { id: await sha256(`safeconduct/passkey/v1\n${here.origin}\n${holder}`), name: holder, displayName: holder },
      pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: 'public-key', alg })),
      authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
      attestation: 'none',
      timeout: 120000,
    },
  });
  const body = JSON.stringify({
    principal: holder,
    secret,
    client_data: base64(made.response.clientDataJSON),
    attestation: base64(made.response.attestationObject),
  });
  const kept = await ask('POST', '/api/v1/passkeys', body);
  history.replaceState(null, '', location.pathname);
  by('fingerprint').textContent = kept.fingerprint.match(/.{4}/g).join(' ');
  by('confirm').textContent = `safeconduct passkey confirm ${kept.id}`;
  by('make').hidden = true;
  by('done').hidden = false;
  by('done-title').focus();
  return 'Your passkey is registered. It counts once a second person has confirmed it.';
}
