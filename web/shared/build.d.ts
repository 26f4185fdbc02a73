/** What the build writes into a face. */

/** Hash of everything the face is made of. */
declare const BUILD: string;
/** Address of the code reader's worker, where the face has one. */
declare const SCAN_WORKER: string;

declare module "*.css";
/** Address of the words that two screens show. */
declare const PAIRING: string;
