@rem npm start says exec, so that on other systems no shell stands between npm and the server: it would die of the
@rem SIGTERM that npm passes on, and npm would return while the server still waits for its clients. Windows has no exec.
@%*
