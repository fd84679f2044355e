/** Runs before every test file: an unhandled rejection fails the run instead of passing by. */
process.on('unhandledRejection', (reason) => {
  console.error('unhandled rejection in tests:', reason);
  process.exitCode = 1;
  throw reason;
});
