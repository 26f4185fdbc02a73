/** ISO/IEC 7064 MOD 37,36: the check character of tube codes, slips and claim codes. */

const CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** The character to append to `text` (0-9, A-Z). Throws RangeError for any other character. */
export function checkCharacter(text: string): string {
  let p = 36;
  for (const c of text) {
    const value = CHARACTERS.indexOf(c);
    if (value < 0) throw new RangeError("a check character covers 0-9 and A-Z only");
    p = (p + value) % 36 || 36;
    p = (2 * p) % 37;
  }
  return CHARACTERS[(37 - p) % 36]!;
}

export function isChecked(text: string): boolean {
  return /^[0-9A-Z]{2,}$/.test(text) && checkCharacter(text.slice(0, -1)) === text.slice(-1);
}
