// The browser's part in adding and using passkeys: read the options, ask the authenticator, send its answer.

const decoded = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));

const encoded = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

const withIds = (list) => (list || []).map((each) => ({ ...each, id: decoded(each.id) }));

function creation(options) {
  return {
    ...options,
    challenge: decoded(options.challenge),
    user: { ...options.user, id: decoded(options.user.id) },
    excludeCredentials: withIds(options.excludeCredentials),
  };
}

function retrieval(options) {
  return { ...options, challenge: decoded(options.challenge), allowCredentials: withIds(options.allowCredentials) };
}

function answer(credential) {
  const { response } = credential;
  const parts = { clientDataJSON: encoded(response.clientDataJSON) };
  if (response.attestationObject) {
    parts.attestationObject = encoded(response.attestationObject);
    parts.transports = response.getTransports ? response.getTransports() : [];
  } else {
    parts.authenticatorData = encoded(response.authenticatorData);
    parts.signature = encoded(response.signature);
    parts.userHandle = response.userHandle ? encoded(response.userHandle) : null;
  }
  return JSON.stringify({
    id: credential.id,
    rawId: encoded(credential.rawId),
    type: credential.type,
    response: parts,
    extensions: JSON.stringify(credential.getClientExtensionResults()),
  });
}

async function ask(form) {
  const waiting = form.querySelector("[data-passkey-waiting]");
  const failed = form.querySelector("[data-passkey-failed]");
  const again = form.querySelector("[data-passkey-again]");
  waiting.hidden = false;
  failed.hidden = again.hidden = true;
  const options = JSON.parse(form.dataset.options);
  try {
    const credential =
      form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: creation(options) })
        : await navigator.credentials.get({ publicKey: retrieval(options) });
    form.elements.credential.value = answer(credential);
    form.submit();
  } catch {
    waiting.hidden = true;
    failed.hidden = again.hidden = false;
    again.focus();
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.querySelector("[data-passkey-again]").addEventListener("click", () => ask(form));
  ask(form);
}
