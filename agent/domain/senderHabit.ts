/** So many studies of a sender make a habit. */
export const HABIT_STUDIES = 3;
