import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Peer } from '../agent/deliver/scu.js';
import { ConfigError, loadConfig } from '../config/load.js';

/** A DICOM node as a person writes it: host:port, AE titles. */
export interface PeerOptions {
  readonly to: { readonly host: string; readonly port: number };
  readonly called: string;
  readonly calling: string;
  readonly tls?: boolean;
}

export function addPeerOptions(command: Command): Command {
  return command
    .requiredOption(
      '--to <host:port>',
      'where the DICOM node listens, for example 127.0.0.1:4242',
      parseAddress,
    )
    .requiredOption('--called <AE>', 'its AE title', parseAeTitle)
    .option('--calling <AE>', 'the AE title to call with', parseAeTitle, 'CALCIDISC')
    .option('--tls', 'speak TLS, with the certificate that dicom.tls of the configuration names');
}

/** @throws ConfigError when --tls is asked for and dicom.tls is not there */
export function peerOf(options: PeerOptions, program: Command): Peer {
  const plain = { ...options.to, calledAe: options.called, callingAe: options.calling };
  if (!options.tls) return plain;
  const { dicom } = loadConfig(process.env, program.opts().config);
  if (!dicom.tls)
    throw new ConfigError('--tls needs dicom.tls in the configuration: our certificate and key');
  return { ...plain, tls: dicom.tls };
}

/** @throws InvalidArgumentError, which commander turns into wrong usage */
export function parseAddress(text: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const number = Number(port);
  if (port === undefined || number < 1 || number > 65535) {
    throw new InvalidArgumentError('it has to be host:port, for example pacs.example.org:104 or [::1]:4242');
  }
  return { host: (bracketed ?? plain)!, port: number };
}

function parseAeTitle(text: string): string {
  if (/^[\x20-\x5b\x5d-\x7e]{1,16}$/.test(text) && text.trim() !== '') return text.trim();
  throw new InvalidArgumentError('an AE title has 1 to 16 printable ASCII characters and no backslash');
}
