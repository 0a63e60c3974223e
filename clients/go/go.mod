module plugctl

go 1.19
