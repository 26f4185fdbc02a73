// Passkeys in the browser: two ceremonies, no library. A button says which: data-passkey="register|sign-in|step-up".
const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
const keys = (known) => known.map((id) => ({ type: "public-key", id: bytes(id) }));

async function post(path, body) {
  const init = { method: "POST", headers: { "Content-Type": "application/json" } };
  if (body) init.body = JSON.stringify(body);
  const answer = await fetch(path, init);
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said;
}

async function register() {
  const ask = await post("/v1/staff/passkeys/ask");
  const made = await navigator.credentials.create({
    publicKey: {
      challenge: bytes(ask.challenge),
      rp: { id: ask.rp_id, name: "Pratique" },
      user: { id: bytes(ask.user_id), name: ask.user_name, displayName: ask.user_name },
      pubKeyCredParams: ask.algorithms.map((alg) => ({ type: "public-key", alg })),
      excludeCredentials: keys(ask.known),
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
      attestation: "none",
    },
  });
  await post("/v1/staff/passkeys", {
    id: text(made.rawId),
    client_data: text(made.response.clientDataJSON),
    attestation: text(made.response.attestationObject),
  });
}

async function show(path) {
  const ask = await post(`${path}/ask`);
  const shown = await navigator.credentials.get({
    publicKey: {
      challenge: bytes(ask.challenge),
      rpId: ask.rp_id,
      allowCredentials: keys(ask.known),
      userVerification: "required",
    },
  });
  await post(path, {
    id: text(shown.rawId),
    client_data: text(shown.response.clientDataJSON),
    authenticator_data: text(shown.response.authenticatorData),
    signature: text(shown.response.signature),
  });
}

const ceremonies = {
  register,
  "sign-in": () => show("/v1/staff/sign-in"),
  "step-up": () => show("/v1/staff/step-up"),
};

for (const button of document.querySelectorAll("[data-passkey]")) {
  const said = document.getElementById(button.getAttribute("aria-describedby"));
  if (!window.PublicKeyCredential || button.dataset.elsewhere) {
    button.disabled = true;
    said.textContent = button.dataset.cannot;
    continue;
  }
  button.addEventListener("click", async () => {
    button.disabled = true;
    said.textContent = button.dataset.busy;
    try {
      await ceremonies[button.dataset.passkey]();
      location.assign(button.dataset.next);
    } catch (fault) {
      said.textContent = fault instanceof DOMException ? button.dataset.stopped : fault.message;
      said.className = "note hold";
      button.disabled = false;
    }
  });
}
