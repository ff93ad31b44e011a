import { startReceiver } from '../receiver/harness.ts'

// The webhook port in a process whose heap a test keeps small; ends with its standard input.
const { port } = await startReceiver()
process.stdout.write(`${port}\n`)
process.stdin.resume()
process.stdin.on('end', () => process.exit())
