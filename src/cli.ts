import { runCli } from './cli/run.ts'
import { terminal } from './cli/terminal.ts'

process.exitCode = await runCli(process.argv.slice(2), terminal())
