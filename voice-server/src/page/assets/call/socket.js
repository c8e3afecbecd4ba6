// How a socket opens.
//
// Invariant: the promise is settled once, whatever the network does. A ticket was given before, so a socket that does not
// open was refused or never got there; a browser does not tell which.

/** Resolves once the socket is open, within `openMs`; rejects with `reason` "not_taken". */
export function opened(socket, openMs) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.close(), openMs);
    socket.onopen = () => {
      clearTimeout(timer);
      resolve();
    };
    socket.onclose = () => {
      clearTimeout(timer);
      reject(Object.assign(new Error("The upgrade was refused."), { reason: "not_taken" }));
    };
  });
}
