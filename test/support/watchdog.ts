/* Loaded before each test file of `npm test`: one that does not end is named instead of keeping the whole run waiting for ever. */

/** Many times what the longest takes; those of a soak (SOAK=1) have no end that could be named. */
const MINUTES = 5

if (!process.env.SOAK) setTimeout(giveUp, MINUTES * 60_000).unref()

function giveUp(): void {
  const alive = [...new Set(process.getActiveResourcesInfo())].join(', ')
  console.error(`${process.argv[1]} has not ended after ${MINUTES} minutes. What keeps it alive: ${alive}`)
  process.exit(1)
}
