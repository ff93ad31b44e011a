import { type AddressInfo, connect, createServer } from 'node:net'

/** A port on 127.0.0.1 that refuses connections, and that nobody is given meanwhile who asks for a free one. */
export interface KeptPort {
  /** Resolves when it can be listened on again. */
  leave(): Promise<void>
}

/** `vacate` ends whoever listens there. It is kept by a connection that goes out from it: such a port is taken, and nobody listens. */
export async function keepPort(port: number, vacate: () => Promise<unknown>): Promise<KeptPort> {
  const peer = createServer((socket) => socket.on('error', () => undefined))
  await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve))
  const to = (peer.address() as AddressInfo).port
  await vacate()
  const seat = connect({ host: '127.0.0.1', port: to, localAddress: '127.0.0.1', localPort: port })
  await new Promise<void>((resolve, reject) => {
    seat.once('connect', resolve)
    seat.once('error', reject)
  })
  seat.on('error', () => undefined)
  return {
    async leave() {
      const closed = new Promise((resolve) => seat.once('close', resolve))
      // Without a goodbye, after which the port would rest for a minute.
      seat.resetAndDestroy()
      await Promise.all([closed, new Promise((resolve) => peer.close(resolve))])
    },
  }
}
