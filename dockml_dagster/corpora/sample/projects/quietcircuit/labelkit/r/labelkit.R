# The same scatter plot for R users, through reticulate.
library(reticulate)
labelkit <- import("labelkit")
scatter <- function(points, images) labelkit$scatter(as.matrix(points), as.list(images))
