"""Published weights that facegen can use and does not carry: table, download, import, licences."""
