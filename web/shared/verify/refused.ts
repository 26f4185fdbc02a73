/** Why a text, a key or a list cannot be taken: the codes of `pratique.credentials.reasons`. `detail` never holds contents. */

export class Refused extends Error {
  constructor(readonly code: string, readonly detail: string = "") {
    super(detail ? `${code}: ${detail}` : code);
  }
}

export const badText = (detail: string): Refused => new Refused("BAD_TEXT", detail);
export const badCbor = (detail: string): Refused => new Refused("BAD_CBOR", detail);
export const badCose = (detail: string): Refused => new Refused("BAD_COSE", detail);
export const badTrust = (detail: string, code = "BAD_TRUST"): Refused => new Refused(code, detail);
export const tooLarge = (detail: string): Refused => new Refused("TOO_LARGE", detail);

/** The refusal that `act` ends in, or its value. Anything else that is thrown is a fault of ours and goes on up. */
export function attempt<T>(act: () => T): T | Refused {
  try {
    return act();
  } catch (fault) {
    if (fault instanceof Refused) return fault;
    throw fault;
  }
}

export async function attemptLater<T>(act: () => Promise<T>): Promise<T | Refused> {
  try {
    return await act();
  } catch (fault) {
    if (fault instanceof Refused) return fault;
    throw fault;
  }
}
