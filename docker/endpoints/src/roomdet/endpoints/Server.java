// SPDX-License-Identifier: AGPL-3.0-or-later
package roomdet.endpoints;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.util.internal.logging.InternalLoggerFactory;
import io.netty.util.internal.logging.Slf4JLoggerFactory;
import java.io.IOException;
import java.security.GeneralSecurityException;
import org.apache.commons.cli.DefaultParser;
import org.apache.commons.cli.HelpFormatter;
import org.apache.commons.cli.Options;
import org.apache.commons.cli.ParseException;
import org.pytorch.serve.ModelServer;
import org.pytorch.serve.metrics.MetricCache;
import org.pytorch.serve.servingsdk.impl.PluginsManager;
import org.pytorch.serve.util.ConfigManager;
import org.pytorch.serve.util.Connector;
import org.pytorch.serve.util.ConnectorType;
import org.pytorch.serve.util.TokenAuthorization;

/** TorchServe with a {@link FrontDoor} and {@link ConnectionLimits}; it takes the arguments of {@link ModelServer}. */
public final class Server extends ModelServer {

    /** The last of the handlers that TorchServe gives a connection (ServerInitializer). */
    private static final String LAST_HANDLER = "handler";

    /** The one that puts bodies together. */
    private static final String BODY_HANDLER = "aggregator";

    /** For a server whose parent may be killed without a word: it would hold port and memory on. */
    private static final String ENDS_WITH_PARENT = "roomdet.ends_with_parent";

    private Server(ConfigManager configuration) {
        super(configuration);
    }

    /** What {@link ModelServer#main} does, with this server in the place of its own. */
    public static void main(String[] args) {
        Options options = ConfigManager.Arguments.getOptions();
        if (Boolean.getBoolean(ENDS_WITH_PARENT)) {
            ProcessHandle.current()
                    .parent()
                    .ifPresent(parent -> parent.onExit().thenRun(() -> System.exit(1)));
        }
        try {
            ConfigManager.init(
                    new ConfigManager.Arguments(
                            new DefaultParser().parse(options, args, null, false)));
            TokenAuthorization.init();
            PluginsManager.getInstance().initialize();
            MetricCache.init();
            InternalLoggerFactory.setDefaultFactory(Slf4JLoggerFactory.INSTANCE);
            ModelServer server = new Server(ConfigManager.getInstance());
            Runtime.getRuntime().addShutdownHook(new Thread(server::stop));
            server.startAndWait();
        } catch (IllegalArgumentException e) {
            System.out.println("Invalid configuration: " + e.getMessage());
        } catch (ParseException e) {
            new HelpFormatter().printHelp(e.getMessage(), options);
        } catch (Throwable t) {
            t.printStackTrace();
        } finally {
            System.exit(1); // a server that was told to stop never comes here
        }
    }

    /** Nothing here speaks gRPC, and its connections would have no limits. */
    @Override
    public void startGRPCServers() {}

    @Override
    public ChannelFuture initializeServer(
            Connector connector,
            EventLoopGroup serverGroup,
            EventLoopGroup workerGroup,
            ConnectorType type)
            throws InterruptedException, IOException, GeneralSecurityException {
        ChannelFuture future =
                super.initializeServer(connector, serverGroup, workerGroup, type);
        ConnectionLimits limits = new ConnectionLimits();
        limits.watch(future.channel().eventLoop());
        future.channel().pipeline().addFirst(new Opening(new FrontDoor(type), limits));
        return future;
    }

    /** Puts the door into each connection that is accepted, once TorchServe has furnished it. */
    private static final class Opening extends ChannelInboundHandlerAdapter {

        private final FrontDoor door;
        private final ConnectionLimits limits;

        Opening(FrontDoor door, ConnectionLimits limits) {
            this.door = door;
            this.limits = limits;
        }

        @Override
        public void channelRead(ChannelHandlerContext context, Object connection) {
            ((Channel) connection)
                    .pipeline()
                    .addFirst(
                            new ChannelInboundHandlerAdapter() {
                                @Override
                                public void channelRegistered(ChannelHandlerContext child) {
                                    // TorchServe's 0 would throw away what is still to be sent.
                                    child.channel().config().setOption(ChannelOption.SO_LINGER, -1);
                                    child.pipeline()
                                            .addBefore(
                                                    BODY_HANDLER,
                                                    null,
                                                    new LimitedConnection(limits))
                                            .addBefore(LAST_HANDLER, null, door);
                                    child.fireChannelRegistered();
                                    child.pipeline().remove(this);
                                }
                            });
            context.fireChannelRead(connection);
        }
    }
}
