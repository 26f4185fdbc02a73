// An officer's key signs in this browser and never leaves it: the file is read here, only the signature line is sent.
const picker = document.querySelector("#key-file");
const line = document.querySelector("#line");
const told = document.querySelector("#key-told");

const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const textOf = (bytes) => btoa(String.fromCharCode(...bytes));
const PKCS8 = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

async function signed(file, text) {
  // PRIVATE+KEY+name+id+base64(0x01 || seed): the base64 may hold plus signs, so split at the first four only.
  const parts = (await file.text()).trim().split("+");
  const packed = bytesOf(parts.slice(4).join("+"));
  if (parts[0] !== "PRIVATE" || parts[1] !== "KEY" || packed.length !== 33 || packed[0] !== 1) throw new Error("form");
  const seed = packed.slice(1);
  const key = await crypto.subtle.importKey("pkcs8", new Uint8Array([...PKCS8, ...seed]), "Ed25519", false, ["sign"]);
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", key, new TextEncoder().encode(text)));
  const id = parts[3].match(/../g).map((two) => parseInt(two, 16));
  return `\u2014 ${parts[2]} ${textOf(new Uint8Array([...id, ...signature]))}`;
}

if (picker && line) {
  document.querySelector("#key-field").hidden = false;
  picker.addEventListener("change", async () => {
    told.textContent = "";
    try {
      line.value = await signed(picker.files[0], line.dataset.text);
      told.textContent = told.dataset.done;
    } catch {
      told.textContent = told.dataset.wrong;
    }
    picker.value = "";
  });
}
