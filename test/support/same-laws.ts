import fc from 'fast-check'

/* Loaded before each test file of the gate: it tries the laws on the same examples every time, so that it refuses a change for what that has changed. Elsewhere they are new ones each time. */

fc.configureGlobal({ seed: 20_261 })
