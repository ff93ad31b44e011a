/** Whether suites run at their full length, as `npm run soak` has them: SOAK=1. */
export const soak: boolean = process.env.SOAK === '1'
