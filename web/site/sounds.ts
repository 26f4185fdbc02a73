/** One sound for each meaning, told apart without looking: up is good, down is not, a knock is a repetition. */

import { play, vibrate } from "../shared/sound.ts";

export const sounds = {
  opened: () => { play([[523, 0, 0.12], [659, 0.12, 0.14]]); vibrate(40); },
  added: () => { play([[880, 0, 0.1]]); vibrate(40); },
  undone: () => play([[660, 0, 0.09], [523, 0.1, 0.12]]),
  closed: () => play([[523, 0, 0.09], [392, 0.1, 0.14]]),
  sealed: () => { play([[523, 0, 0.12], [659, 0.12, 0.12], [784, 0.24, 0.26]]); vibrate([60, 40, 60]); },
  unknown: () => { play([[196, 0, 0.3]], "triangle"); vibrate(200); },
  twice: () => { play([[311, 0, 0.1], [311, 0.16, 0.1]], "triangle"); vibrate([90, 60, 90]); },
  full: () => { play([[311, 0, 0.1], [262, 0.14, 0.1], [220, 0.28, 0.2]], "triangle"); vibrate([90, 60, 90, 60, 90]); },
  "sealed-already": () => { play([[262, 0, 0.14], [196, 0.18, 0.3]], "triangle"); vibrate([200, 80, 200]); },
};
